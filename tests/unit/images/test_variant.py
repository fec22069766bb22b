"""Variants of a bundle: for tests, and signed by nobody that people believe."""

from pathlib import Path

import pytest

from appliance.releases.model import Version
from images.bundle.checkout import version_of
from images.bundle.variant import VariantNotSigned, require_throw_away, vary
from tests.factories.bundles import Maker


def test_a_variant_has_its_version_and_its_files(tmp_path: Path) -> None:
    """What lies over the commit's files counts, and the version is the asked one."""
    source, overlay = tmp_path / "source", tmp_path / "overlay"
    source.mkdir()
    overlay.mkdir()
    (source / "pyproject.toml").write_text('[project]\nname = "hangjegyzet"\nversion = "0.1.0"\n')
    (source / "kept").write_text("kept")
    (overlay / "more").write_text("more")
    vary(source, version=Version.parse("0.2.0"), overlay=overlay)
    assert version_of(source) == Version.parse("0.2.0")
    assert {path.name for path in source.iterdir()} == {"pyproject.toml", "kept", "more"}


def test_no_variant_is_signed_with_keys_that_people_believe(tmp_path: Path) -> None:
    """A bundle that no commit makes must not look like a release."""
    with pytest.raises(VariantNotSigned, match="production"):
        require_throw_away(Maker().signer(tmp_path / "keys"))
