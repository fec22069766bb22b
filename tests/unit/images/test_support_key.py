"""The maker's age key: made once, its public half in every bundle of that folder of keys."""

from pathlib import Path

import pytest

from images.release_keys.keyring import KeyFileExists
from images.release_keys.support_key import (
    PRIVATE_NAME,
    PUBLIC_NAME,
    ensure_support_key,
    new_support_key,
    put_support_key,
)


def test_it_is_made_once(tmp_path: Path):
    """Whoever lost it could open no bundle that was sealed before; so it is never overwritten."""
    public = new_support_key(tmp_path)
    assert public.startswith("age1")
    assert (tmp_path / PRIVATE_NAME).stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyFileExists):
        new_support_key(tmp_path)
    ensure_support_key(tmp_path)
    assert (tmp_path / PUBLIC_NAME).read_text() == f"{public}\n"


def test_a_bundle_brings_the_public_half_alone(tmp_path: Path):
    """Where the folder of keys has one; else the release has none, and says so when asked to seal."""
    documents = tmp_path / "docs"
    documents.mkdir()
    put_support_key(tmp_path, documents)
    assert list(documents.iterdir()) == []
    public = new_support_key(tmp_path)
    put_support_key(tmp_path, documents)
    assert [file.read_text() for file in documents.iterdir()] == [f"{public}\n"]
