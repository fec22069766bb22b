"""Names of wheels in the archive: as they are, or short enough, and still wheels for the same machines."""

import pytest
from packaging.utils import parse_wheel_filename

from images.bundle.wheels import LONGEST_NAME, name_for_archive

LONG = "charset_normalizer-3.5.2-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl"


@pytest.mark.parametrize("name", ["rich-14.0.0-py3-none-any.whl", "numpy-2.3.0-cp311-cp311-manylinux_2_28_x86_64.whl"])
def test_a_name_that_fits_stays(name: str):
    """Nothing is renamed without need."""
    assert name_for_archive(name) == name


def test_a_name_that_is_too_long_keeps_the_platform_that_most_machines_have():
    """The same package, version and Python; one platform of those that it is for."""
    short = name_for_archive(LONG)
    assert len(LONG) > LONGEST_NAME >= len(short)
    before, after = parse_wheel_filename(LONG), parse_wheel_filename(short)
    assert after[:3] == before[:3]
    assert after[3] < before[3]
    assert {tag.platform for tag in after[3]} == {"manylinux2014_x86_64"}
