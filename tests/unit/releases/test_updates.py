"""Security updates of the operating system are believed from a key for them, and from no other; and only once."""

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.kernel.errors import HangJegyzetError
from appliance.releases import errors
from appliance.releases.contents import open_contents
from appliance.releases.model import BundleKind, FileEntry, Need, PackageUpdate, Purpose, write_document
from appliance.releases.policy import require_updates_for, require_updates_new_enough
from appliance.releases.verification import (
    VerifiedUpdates,
    claimed_kind,
    read_manifest,
    read_updates_manifest,
    verify_bundle,
    verify_updates,
)
from tests.factories.bundles import NOW, UPDATED, Maker, a_manifest, an_updates_manifest, archived

MAKER = Maker(purposes=(Purpose.UPDATES,))
(PATH,) = UPDATED


def verify(source: Path, *, maker: Maker = MAKER) -> VerifiedUpdates:
    with open_contents(source) as contents:
        return verify_updates(contents, trust=maker.trust, now=NOW)


@pytest.mark.parametrize("form", ["folder", "archive"])
def test_whole_updates_are_believed(tmp_path: Path, form: str) -> None:
    """They tell what changes, from which version, and what has to start again."""
    folder = MAKER.updates(tmp_path / "updates")
    found = verify(folder if form == "folder" else archived(folder)).manifest
    assert [(one.name, one.old, one.new, one.need) for one in found.packages] == [
        ("less", ("590-2",), "590-2.1", Need.NOTHING)
    ]
    assert found.release_seq == 2026112300


def test_a_key_for_releases_signs_no_updates(tmp_path: Path) -> None:
    """And one for updates signs no release: a lost key opens one door."""
    releases = replace(MAKER, purposes=(Purpose.BUNDLE, Purpose.MODELS))
    with pytest.raises(errors.ReleaseKeyPurpose, match="not updates"):
        verify(releases.updates(tmp_path / "updates"))
    bundle = MAKER.bundle(tmp_path / "release")
    with open_contents(bundle) as contents, pytest.raises(errors.ReleaseKeyPurpose, match="not bundle"):
        verify_bundle(contents, trust=MAKER.trust, now=NOW)


def test_each_kind_names_the_command_for_the_other(tmp_path: Path) -> None:
    """Whoever gives a file to the wrong command is told the right one."""
    maker = replace(MAKER, purposes=(Purpose.BUNDLE, Purpose.UPDATES))
    updates, release = maker.updates(tmp_path / "updates"), maker.bundle(tmp_path / "release")
    with open_contents(updates) as contents:
        assert claimed_kind(contents) is BundleKind.UPDATES
    with open_contents(release) as contents:
        assert claimed_kind(contents) is BundleKind.RELEASE
    with open_contents(updates) as contents, pytest.raises(errors.NoRelease) as refusal:
        verify_bundle(contents, trust=maker.trust, now=NOW)
    assert "updates run" in refusal.value.remedy
    with open_contents(release) as contents, pytest.raises(errors.NoUpdates) as other:
        verify_updates(contents, trust=maker.trust, now=NOW)
    assert "upgrade run" in other.value.remedy


def test_a_spoilt_package_is_found(tmp_path: Path) -> None:
    """One byte is enough, also when its length stays; and a file more, and one less."""
    folder = MAKER.updates(tmp_path / "updates")
    data = (folder / PATH).read_bytes()
    (folder / PATH).write_bytes(data[:-1] + b"!")
    with pytest.raises(errors.BundleFileChanged):
        verify(folder)
    (folder / PATH).unlink()
    with pytest.raises(errors.BundleFileMissing):
        verify(folder)
    (folder / PATH).write_bytes(data)
    (folder / "debs/more.deb").write_bytes(data)
    with pytest.raises(errors.BundleFileUnlisted):
        verify(folder)


def test_updates_that_break_off_are_found(tmp_path: Path) -> None:
    """A stick that was pulled out too early."""
    whole = archived(MAKER.updates(tmp_path / "updates"))
    whole.write_bytes(whole.read_bytes()[:-2000])
    with pytest.raises((errors.BundleUnreadable, errors.BundleFileMissing)):
        verify(whole)


def test_older_updates_are_a_replay_and_the_same_are_not() -> None:
    """Their numbers are a line of their own."""
    manifest = an_updates_manifest(release_seq=7)
    require_updates_new_enough(manifest, 7)
    with pytest.raises(errors.UpdatesReplayed, match="number 8"):
        require_updates_new_enough(manifest, 8)


def test_updates_are_for_the_releases_that_they_name() -> None:
    """Nobody worked them out for another one."""
    require_updates_for(an_updates_manifest(), "0.1.0")
    with pytest.raises(errors.UpdatesForOthers, match=r"0\.2\.0"):
        require_updates_for(an_updates_manifest(), "0.2.0")


ONE = an_updates_manifest().packages[0]
ENTRY = FileEntry(sha256=ONE.sha256, bytes=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "2026.02.30"},
        {"version": "1.2.3"},
        {"kind": "release"},
        {"packages": ()},
        {"packages": (ONE, ONE)},
        {"releases": ()},
        {"built_at": "2026-13-01T00:00:00Z"},
        {"files": {PATH: FileEntry(sha256="0" * 64, bytes=1)}},
        {"files": {PATH: ENTRY, "debs/untold_1_amd64.deb": ENTRY}},
        {"packages": (PackageUpdate(name="a;b", old=(), new="1", need=Need.NOTHING, path=PATH, sha256=ONE.sha256),)},
        {"release_seq": 0},
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(changes: dict[str, object]) -> None:
    """What it tells and what it holds are the same, or nothing of it is taken."""
    with pytest.raises((errors.ReleaseManifestInvalid, errors.NoUpdates, ValueError)):
        read_updates_manifest(write_document(an_updates_manifest(**changes)), source="test")


@settings(max_examples=300, deadline=None)
@given(cut=st.integers(0, 1500), flips=st.lists(st.tuples(st.integers(0, 1400), st.integers(1, 255)), max_size=4))
def test_any_bytes_are_read_or_refused(cut: int, flips: list[tuple[int, int]]) -> None:
    """A spoilt manifest is one of ours or an error of ours, whichever of the two kinds is expected."""
    data = bytearray(write_document(an_updates_manifest())[:cut])
    for at, mask in flips:
        if at < len(data):
            data[at] ^= mask
    for reader in (read_manifest, read_updates_manifest):
        with contextlib.suppress(HangJegyzetError):
            reader(bytes(data), source="test")


@pytest.mark.parametrize("data", [b"", b"[]", b"{" * 100_000, b'{"format": 1, "product": "hangjegyzet", "kind": 5}'])
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    """Nothing else than our own errors comes out."""
    with pytest.raises(errors.ReleaseManifestInvalid):
        read_updates_manifest(data, source="test")


def test_a_release_says_nothing_of_its_kind() -> None:
    """Releases before there were updates are releases."""
    data = write_document(a_manifest())
    assert b'"kind"' not in data
    assert read_manifest(data, source="test").version == "0.2.0"
