"""What lies on sticks: found, described as far as it says what it is, and never believed."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.releases.model import Version, write_document
from appliance.releases.tape import PLAIN_MODE, Member, ending, header, padding
from tests.factories.console import a_manifest
from tui import sticks
from tui.undertakings import Verdict, verdict


def archive(path: Path, files: dict[str, bytes]) -> Path:
    """A tar as bundles are: one form of header, plain files under one folder, sums first."""
    members = (
        header(Member(f"top/{name}", len(content), PLAIN_MODE, 0)) + content + padding(len(content))
        for name, content in files.items()
    )
    whole = b"".join(members)
    path.write_bytes(whole + ending(len(whole)))
    return path


def bundle_files(version: str = "0.2.0") -> dict[str, bytes]:
    return {"SHA256SUMS": b"", "SHA256SUMS.sig": b"", "manifest.json": write_document(a_manifest(version, 9))}


def test_sticks_are_what_is_mounted_below_their_places(tmp_path: Path) -> None:
    """Names with blanks are written by the kernel as octal; other file systems are nobody's stick."""
    table = tmp_path / "mounts"
    table.write_text(
        "/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 /media/USB\\040STICK vfat ro 0 0\n/dev/sdc1 /mnt ext4 ro 0 0\n"
        "/dev/sdd1 /mediathek ext4 rw 0 0\nproc /proc proc rw 0 0\n/dev/sdb1 /media/USB\\040STICK vfat ro 0 0\n"
    )
    assert sticks.plugged_in(table) == (Path("/media/USB STICK"), Path("/mnt"))
    assert sticks.plugged_in(tmp_path / "none") == ()


def test_bundles_are_found_as_archive_and_as_folder(tmp_path: Path) -> None:
    """On the stick itself and one folder below; what is not a bundle is left out."""
    archive(tmp_path / "hangjegyzet-0.2.0.tar", bundle_files())
    unpacked = tmp_path / "release" / "unpacked"
    unpacked.mkdir(parents=True)
    for name, content in bundle_files("0.3.0").items():
        (unpacked / name).write_bytes(content)
    (tmp_path / "holiday.jpg").write_bytes(b"\xff\xd8")
    archive(tmp_path / "notes.tar", {"notes.txt": b"-"})
    found = {one.path.name: one.manifest.version for one in sticks.bundles([tmp_path]) if one.manifest}
    assert found == {"hangjegyzet-0.2.0.tar": "0.2.0", "unpacked": "0.3.0"}


def test_a_bundle_that_breaks_off_is_named_and_hides_no_other(tmp_path: Path) -> None:
    """A stick that was pulled out too early is common."""
    whole = archive(tmp_path / "whole.tar", bundle_files())
    (tmp_path / "half.tar").write_bytes(whole.read_bytes()[:1400])
    found = {one.path.name: (bool(one.fault), one.manifest is not None) for one in sticks.bundles([tmp_path])}
    assert found == {"half.tar": (True, False), "whole.tar": (False, True)}


def test_packs_and_signatures_are_found(tmp_path: Path) -> None:
    """By the names that the maker gives them; the stick's other files are nobody's business."""
    archive(tmp_path / "hangjegyzet-models-x.tar", {"pack.toml": b"name = 'x'"})
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    (tmp_path / "approve-1.json.sig").write_text("-----BEGIN SSH SIGNATURE-----")
    (tmp_path / ".hidden.gguf").write_bytes(b"GGUF")
    assert {one.path.name for one in sticks.packs([tmp_path])} == {"hangjegyzet-models-x.tar", "model.gguf"}
    assert [path.name for path in sticks.signatures([tmp_path])] == ["approve-1.json.sig"]


def test_a_stick_full_of_files_is_not_read_to_its_end(tmp_path: Path) -> None:
    """Whoever chooses waits for nobody's photographs."""
    for number in range(sticks.MOST_ENTRIES + 50):
        (tmp_path / f"{number:04}.gguf").write_bytes(b"GGUF")
    assert len(sticks.packs([tmp_path])) == sticks.MOST_FOUND


@pytest.mark.parametrize(
    ("version", "expected"),
    [("0.1.0", Verdict.SAME), ("0.0.9", Verdict.OLDER), ("0.2.0", Verdict.NEXT), ("0.9.0", Verdict.TOO_FAR)],
)
def test_a_bundle_is_judged_by_what_it_says(version: str, expected: Verdict) -> None:
    """The same rule as the upgrade's own, which asks again."""
    found = sticks.Found(Path("/media/x.tar"), 1, manifest=a_manifest(version, 9))
    assert verdict(found, Version.parse("0.1.0")) is expected
    assert verdict(sticks.Found(Path("/media/y.tar"), None), Version.parse("0.1.0")) is Verdict.UNREADABLE


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(head=st.binary(max_size=1100), at=st.integers(0, 1100))
def test_nothing_on_a_stick_breaks_the_list(head: bytes, at: int, tmp_path: Path) -> None:
    """A stick is foreign: whatever bytes it has, there is a list, and a fault instead of a bundle."""
    whole = archive(tmp_path / "whole.tar", bundle_files()).read_bytes()
    (tmp_path / "whole.tar").write_bytes(whole[:at] + head + whole[at + len(head) :])
    for one in (*sticks.bundles([tmp_path]), *sticks.packs([tmp_path])):
        assert one.fault or one.manifest
