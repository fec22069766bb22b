"""The archive: what we write reads back, what somebody else wrote is refused, and no byte can be changed unnoticed."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.kernel.errors import HangJegyzetError
from appliance.releases import errors
from appliance.releases.contents import ArchiveContents, open_contents
from appliance.releases.model import is_plain_path
from appliance.releases.sums import read_sums, write_sums
from appliance.releases.tape import BLOCK, HostileHeader, Member, TapeDamaged, ending, header, padding, read_members
from appliance.releases.verification import verify_bundle
from tests.factories.bundles import NOW, Maker, archived

MAKER = Maker()

names = st.text("abcXYZ019_.+~%=@,-", min_size=1, max_size=30).filter(lambda name: name[0] not in ".+~%=@,-")
paths = st.lists(names, min_size=1, max_size=5).map("/".join)
hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)


@pytest.fixture(scope="module")
def bundle_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return archived(MAKER.bundle(tmp_path_factory.mktemp("fuzz") / "bundle")).read_bytes()


def contents_of(data: bytes) -> ArchiveContents:
    return ArchiveContents("test.tar", io.BytesIO(data))


def believe(data: bytes) -> None:
    verify_bundle(contents_of(data), trust=MAKER.trust, now=NOW)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_bit_of_an_archive_can_flip(bundle_bytes: bytes, at: float, bit: int):
    """Content, headers, owners, times, padding and the end: every bit of the file is one that was meant."""
    data = bytearray(bundle_bytes)
    data[int(at * len(data))] ^= 1 << bit
    with pytest.raises(HangJegyzetError):
        believe(bytes(data))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keep=st.floats(0, 1, exclude_max=True))
def test_a_truncated_archive_is_refused(bundle_bytes: bytes, keep: float):
    """A copy that broke off is no bundle, wherever it broke off."""
    with pytest.raises(HangJegyzetError):
        believe(bundle_bytes[: int(keep * len(bundle_bytes))])


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 1), take=st.integers(1, 4096), put=st.binary(max_size=2048))
def test_no_piece_of_an_archive_can_be_exchanged(bundle_bytes: bytes, cut: float, take: int, put: bytes):
    """Cutting out, inserting and replacing are noticed, and end in an error of ours."""
    at = int(cut * len(bundle_bytes))
    data = bundle_bytes[:at] + put + bundle_bytes[at + take :]
    if data == bundle_bytes:
        return
    with pytest.raises(HangJegyzetError):
        believe(data)


@given(st.binary(max_size=3 * BLOCK))
def test_noise_is_no_archive(noise: bytes):
    """Whatever the bytes, reading ends, with one of two errors."""
    with pytest.raises((HostileHeader, TapeDamaged)):
        list(read_members(io.BytesIO(noise)))


@given(name=paths, size=st.integers(0, 2**50), program=st.booleans(), mtime=st.integers(0, 8**11 - 1))
def test_tar_reads_our_headers(name: str, size: int, program: bool, mtime: int):
    """The tar of Python's library sees the same name, size and time, also beyond 8 GiB and 100 characters."""
    try:
        block = header(Member(name, size, 0o755 if program else 0o644, mtime))
    except ValueError:
        assert len(name) > 100
        return
    info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    assert (info.name, info.size, info.mtime, info.uid, info.gid) == (name, size, mtime, 0, 0)
    assert (info.isreg(), info.mode) == (True, 0o755 if program else 0o644)


@given(st.dictionaries(paths, hashes, min_size=1, max_size=20))
def test_a_written_list_of_checksums_reads_back_equal(sums: dict[str, str]):
    """Writing and reading changes nothing, and there is one way to write it."""
    assert read_sums(write_sums(sums)) == sums


@pytest.mark.parametrize(
    "path",
    [
        *("", "/etc/passwd", "../x", "a/../b", "a/./b", "a//b", "a/", ".hidden", "a/.b", "-rf"),
        *("a b", "a\\b", "a\nb", "é", "a\0b", "x" * 201, "/".join("a" * 13), "c:x"),
    ],
)
def test_a_path_that_is_not_plain_is_refused(path: str):
    """Not in a list of checksums, and not in an archive."""
    assert not is_plain_path(path)
    with pytest.raises(ValueError):
        read_sums(f"{'0' * 64}  {path}\n".encode())


@pytest.mark.parametrize(
    "text", ["", "\n", "0" * 64 + " *a\n", "0" * 64 + "  a", "0" * 63 + "  a\n", "A" * 64 + "  a\n"]
)
def test_a_list_in_another_form_is_refused(text: str):
    """There is one way to write a list; blank lines, binary marks and a missing newline are not it."""
    with pytest.raises(ValueError):
        read_sums(text.encode())


def test_a_list_that_is_not_sorted_or_names_a_file_twice_is_refused():
    """Two checksums for one file would let the reader choose."""
    one, two = f"{'0' * 64}  a\n", f"{'1' * 64}  b\n"
    for text in (two + one, one + one, one + f"{'1' * 64}  a\n", f"{'0' * 64}  SHA256SUMS\n"):
        with pytest.raises(ValueError):
            read_sums(text.encode())


def link(kind: bytes) -> Callable[[], tarfile.TarInfo]:
    def make() -> tarfile.TarInfo:
        info = tarfile.TarInfo("top/link")
        info.type, info.linkname = kind, "/etc/shadow"
        return info

    return make


def named(name: str) -> Callable[[], tarfile.TarInfo]:
    return lambda: tarfile.TarInfo(name)


HOSTILE = {
    "a symbolic link": link(tarfile.SYMTYPE),
    "a hard link": link(tarfile.LNKTYPE),
    "a character device": link(tarfile.CHRTYPE),
    "a block device": link(tarfile.BLKTYPE),
    "a pipe": link(tarfile.FIFOTYPE),
    "a folder": link(tarfile.DIRTYPE),
    "a sparse file": link(tarfile.GNUTYPE_SPARSE),
    "a contiguous file": link(tarfile.CONTTYPE),
    "an absolute path": named("/etc/passwd"),
    "a path that climbs out": named("top/../../etc/passwd"),
    "a path that stays and climbs": named("top/a/../b"),
    "a hidden file": named("top/.ssh"),
    "a file outside of the folder": named("else/a"),
    "a file without a folder": named("a"),
    "a name that is no ASCII": named("top/é"),
    "a line break": named("top/a\nb"),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_hostile_members_are_refused(kind: str, form: int):
    """Links, devices, ways out and other makers' archives never get as far as a name that we would use."""
    out = io.BytesIO()
    good = Member("top/good", 0, 0o644, 0)
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        archive.addfile(HOSTILE[kind]())
    with pytest.raises(errors.HostileMember):
        contents_of(header(good) + out.getvalue())


def test_a_file_that_is_there_twice_is_refused():
    """The last one would win in one reader and the first in another."""
    member = header(Member("top/a", 0, 0o644, 0))
    with pytest.raises(errors.HostileMember, match="twice"):
        contents_of(member + member + ending(2 * BLOCK))


@pytest.mark.parametrize("size", [1 << 40, 1 << 80, 8**11 - 1])
def test_a_file_larger_than_its_archive_is_refused(size: int):
    """Nobody is made to wait or to allocate for bytes that are not there."""
    with pytest.raises(errors.BundleUnreadable):
        contents_of(header(Member("top/a", size, 0o644, 0)) + ending(BLOCK))


@pytest.mark.parametrize("field", [slice(124, 136), slice(136, 148), slice(100, 108)])
def test_a_negative_number_is_refused(field: slice):
    """A size below zero would lead backwards, for ever."""
    block = bytearray(header(Member("top/a", 0, 0o644, 0)))
    block[field] = b"-" + block[field][1:-2] + b"7\0"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    with pytest.raises(errors.HostileMember):
        contents_of(bytes(block) + ending(BLOCK))


def test_nothing_follows_the_end():
    """A second archive behind the first is not skipped in silence."""
    one = header(Member("top/a", 1, 0o644, 0)) + b"x" + padding(1)
    whole = one + ending(len(one))
    assert contents_of(whole).sizes() == {"a": 1}
    with pytest.raises(errors.BundleUnreadable):
        contents_of(whole + whole)
    with pytest.raises(errors.BundleUnreadable):
        contents_of(one + bytes(BLOCK) + b"x" + bytes(9 * BLOCK - 1))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(part_bytes=st.integers(600, 9000))
def test_parts_of_any_size_read_as_one(bundle_bytes: bytes, tmp_path_factory: pytest.TempPathFactory, part_bytes: int):
    """Where an archive is cut makes no difference."""
    folder: Path = tmp_path_factory.mktemp("parts")
    cuts = range(0, len(bundle_bytes), part_bytes)
    for number, at in enumerate(cuts, 1):
        (folder / f"b.tar.{number:03}").write_bytes(bundle_bytes[at : at + part_bytes])
    with open_contents(folder / "b.tar.001") as contents:
        assert verify_bundle(contents, trust=MAKER.trust, now=NOW).manifest.version == "0.2.0"
