"""Everything that can be set is documented, and nothing else."""

import pytest
from pydantic import BaseModel

from images.configuration import DOCUMENT, Undescribed, keys, render


def test_the_table_is_up_to_date():
    """docs/configuration.md says what the settings say; `python -m images.configuration` makes it anew."""
    assert DOCUMENT.read_text(encoding="utf-8") == render()


def test_a_setting_without_a_description_is_found():
    """A key that nobody explained cannot be documented."""

    class Sloppy(BaseModel):
        port: int = 8443

    with pytest.raises(Undescribed, match="port"):
        list(keys(Sloppy))
