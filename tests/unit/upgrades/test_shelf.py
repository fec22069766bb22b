"""Releases in their folders: which ones stay, and that one which is going is never taken for a whole one."""

import shutil
from pathlib import Path

import pytest

from appliance.adapters.upgrades.shelf import FolderShelf


def shelf_with(home: Path, *versions: str, current: str, previous: str) -> FolderShelf:
    """A shelf that holds these releases."""
    for version in versions:
        folder = home / "releases" / version / "app"
        folder.mkdir(parents=True)
        (folder.parent / "manifest.json").write_text("{}")
        (folder / "code.py").write_text("")
    shelf = FolderShelf(home)
    shelf.point_to(current, previous=previous)
    return shelf


def names(home: Path) -> set[str]:
    """What lies on it."""
    return {path.name for path in (home / "releases").iterdir()}


def test_the_oldest_go_by_number_and_not_by_name(tmp_path: Path) -> None:
    """0.9.0 is older than 0.10.0."""
    shelf = shelf_with(tmp_path, "0.9.0", "0.10.0", "0.11.0", "0.12.0", current="0.12.0", previous="0.11.0")
    assert (shelf.prune(3), names(tmp_path)) == (["0.9.0"], {"0.10.0", "0.11.0", "0.12.0"})


@pytest.mark.parametrize("used", ["0.1.0", "0.2.0"])
def test_one_in_use_is_never_taken_away(tmp_path: Path, used: str) -> None:
    """Neither the current one nor the one to go back to, however old they are."""
    shelf = shelf_with(tmp_path, "0.1.0", "0.2.0", "0.3.0", current="0.1.0", previous="0.2.0")
    with pytest.raises(ValueError, match="in use"):
        shelf.discard(used)
    assert (shelf.prune(2), names(tmp_path)) == (["0.3.0"], {"0.1.0", "0.2.0"})


def test_killed_while_one_goes_it_is_none_that_is_whole_and_goes_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its manifest is the first that goes."""
    shelf = shelf_with(tmp_path, "0.1.0", "0.2.0", "0.3.0", current="0.3.0", previous="0.2.0")

    def killed(folder: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            shelf.prune(2)
    assert (tmp_path / "releases/0.1.0/app").is_dir()
    assert not (tmp_path / "releases/0.1.0/manifest.json").exists()
    assert (shelf.prune(2), names(tmp_path)) == (["0.1.0"], {"0.2.0", "0.3.0"})
