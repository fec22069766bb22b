"""Foreign files meet the sandboxed decoder: what is accepted, and how each bad file is refused."""

import io
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import psutil
import pytest

from appliance.adapters.media import SandboxedMedia
from appliance.meetings.errors import (
    DecoderCrashed,
    DecoderLimit,
    EmptyFile,
    EncryptedMedia,
    MediaRefused,
    NoAudio,
    NotMedia,
    PointsElsewhere,
    TooLong,
    Truncated,
    ZeroLength,
)
from tests.factories.media import FORMATS, Format, format_named, media_file, speechlike, video_without_sound


@pytest.fixture(scope="module")
def media() -> Iterator[SandboxedMedia]:
    decoder = SandboxedMedia(max_duration_s=60, stall_s=20)
    yield decoder
    decoder.close()


def sound_of(media: SandboxedMedia, data: bytes) -> np.ndarray:
    return np.concatenate(list(media.decode(io.BytesIO(data))))


def outcome(media: SandboxedMedia, data: bytes) -> type[MediaRefused]:
    with pytest.raises(MediaRefused) as refusal:
        sound_of(media, data)
    assert refusal.value.remedy
    return type(refusal.value)


@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.extension)
def test_every_common_format_becomes_the_same_plain_sound(media, kind: Format):
    """A recording sounds the same whatever recorder wrote it, and video is no hindrance."""
    sound = sound_of(media, media_file(kind))
    assert sound.dtype == np.int16
    assert len(sound) == pytest.approx(2 * 16_000, rel=0.07)
    level = np.sqrt(np.mean(sound.astype(float) ** 2))
    reference = np.sqrt(np.mean(speechlike(2.0).astype(float) ** 2))
    assert level == pytest.approx(reference, rel=0.25)


def test_a_probe_tells_what_a_file_is(media):
    """The content decides what a file is; its name is never asked."""
    info = media.probe(io.BytesIO(media_file(format_named("mp4"))))
    assert (info.container, info.codec, info.channels, info.sample_rate, info.has_video) == (
        "mov",
        "aac",
        2,
        48_000,
        True,
    )
    assert info.duration_s == pytest.approx(2.0, abs=0.1)


def test_lossless_sound_comes_through_bit_for_bit(media):
    """Nothing is done to sound that is already mono at 16 kHz."""
    samples = speechlike(1.5)
    assert np.array_equal(sound_of(media, media_file(format_named("wav"), sound=samples)), samples)


def test_an_mp4_with_its_index_at_the_end_is_read_by_ranges(media):
    """Phones write the index last: the decoder asks for the ranges it needs."""
    data = media_file(format_named("mp4"), duration_s=20)
    assert data.find(b"moov") > data.find(b"mdat")
    assert len(sound_of(media, data)) == pytest.approx(20 * 16_000, rel=0.01)


@pytest.mark.parametrize("extension", ["wav", "mp3", "m4a", "flac", "ogg", "opus", "webm", "wma", "mp4", "mov", "mkv"])
def test_a_recording_that_breaks_off_is_refused(media, extension):
    """Half a meeting must not pass for the whole one."""
    data = media_file(format_named(extension), duration_s=6)
    assert outcome(media, data[: len(data) * 2 // 3]) is Truncated


def test_a_broken_off_recording_says_how_much_was_there(media):
    """The reader learns how much was lost."""
    data = media_file(format_named("wav"), duration_s=6)
    with pytest.raises(Truncated) as refusal:
        sound_of(media, data[: len(data) // 2])
    assert refusal.value.fields == {"found_s": pytest.approx(3.0, abs=0.1), "expected": "about 6 s"}


def test_a_live_recording_without_a_declared_length_is_accepted(media):
    """Browsers record webm without a length or an index; that is no fault."""
    data = bytearray(media_file(format_named("webm")))
    at = data.find(b"\x18S\x80g") + 4
    data[at : at + 8] = b"\x01" + b"\xff" * 7
    assert len(sound_of(media, bytes(data))) == pytest.approx(2 * 16_000, rel=0.05)


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        pytest.param(b"", EmptyFile, id="empty"),
        pytest.param(b"Dear all, please find the minutes attached.\n" * 50, NotMedia, id="text named mp3"),
        pytest.param("Árvíztűrő tükörfúrógép\n".encode() * 50, NotMedia, id="Hungarian text"),
        pytest.param(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(500), NotMedia, id="PDF"),
        pytest.param(b"PK\x03\x04\x14\x00\x00\x00" + bytes(500), NotMedia, id="office document"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8, NotMedia, id="picture"),
        pytest.param(b"MZ" + bytes(range(256)) * 8, NotMedia, id="program"),
        pytest.param(bytes(5_000), NotMedia, id="zeros"),
        pytest.param(np.random.default_rng(3).bytes(20_000), NotMedia, id="noise"),
        pytest.param(b"PK\x03\x04\x14\x00\x01\x00" + bytes(500), EncryptedMedia, id="zip with a password"),
        pytest.param(b"age-encryption.org/v1\n-> X25519 " + bytes(500), EncryptedMedia, id="age"),
        pytest.param(b"Salted__" + bytes(range(256)), EncryptedMedia, id="openssl"),
        pytest.param(b"#EXTM3U\n#EXTINF:10,\nhttp://10.0.0.1/x.ts\n", PointsElsewhere, id="m3u"),
        pytest.param(b"ffconcat version 1.0\nfile /etc/passwd\n", PointsElsewhere, id="concat"),
        pytest.param(
            b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>', PointsElsewhere, id="dash"
        ),
        pytest.param(b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=audio 5004 RTP/AVP 96\n", PointsElsewhere, id="sdp"),
        pytest.param(video_without_sound(), NoAudio, id="silent film"),
    ],
)
def test_a_file_that_is_no_recording_gets_its_own_refusal(media, data, refusal):
    """Each kind of mistake has its own words and its own remedy."""
    assert outcome(media, data) is refusal


def test_a_recording_of_no_length_is_refused(media):
    """A recorder that was started and stopped at once wrote a valid file with nothing in it."""
    assert outcome(media, wav_header(data_bytes=0)) is ZeroLength
    assert outcome(media, wav_header(data_bytes=320) + bytes(320)) is ZeroLength


def wav_header(*, data_bytes: int, rate: int = 16_000, riff_bytes: int | None = None) -> bytes:
    total = 36 + data_bytes if riff_bytes is None else riff_bytes
    form = struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", total)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", data_bytes)
    )


class SparseFile(io.RawIOBase):
    """Hours of zeros behind a header, without the memory."""

    def __init__(self, head: bytes, size: int) -> None:
        self._head, self._size, self._at, self.bytes_read = head, size, 0, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + {0: 0, 1: self._at, 2: self._size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        part = self._head[self._at : self._at + size]
        part += bytes(max(0, min(size, self._size - self._at) - len(part)))
        self._at += len(part)
        self.bytes_read += len(part)
        return part


def test_fifty_hours_are_refused_before_they_are_decoded():
    """The declared length decides at once; nobody waits for the decoding of a forgotten recorder."""
    data_bytes = 50 * 3600 * 8_000 * 2
    file = SparseFile(wav_header(data_bytes=data_bytes, rate=8_000), 44 + data_bytes)
    with pytest.raises(TooLong) as refusal:
        SandboxedMedia(max_duration_s=12 * 3600).probe(file)
    assert refusal.value.fields["duration"] == "50:00:00"
    assert refusal.value.fields["limit"] == "12:00:00"
    assert file.bytes_read < 8_000_000


def test_a_file_that_hides_its_length_is_stopped_at_the_limit(media):
    """A stream that declares no length is cut off while decoding."""
    data = media_file(format_named("aac"), duration_s=70)
    assert outcome(media, data) is TooLong


def test_a_protected_mp4_is_told_from_a_damaged_one(media):
    """Common Encryption is recognised by its sample entry."""
    data = media_file(format_named("m4a")).replace(b"mp4a", b"enca", 1)
    assert outcome(media, data) is EncryptedMedia


def test_protected_windows_media_is_recognised(media):
    """The content encryption object in the header gives Windows Media DRM away."""
    data = bytearray(media_file(format_named("wma")))
    data[5_000:5_000] = bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e")
    assert outcome(media, bytes(data)) is EncryptedMedia


def test_a_sample_rate_made_to_explode_is_refused(media):
    """One sample a second would become 16 000 for each: such a file is not resampled."""
    with pytest.raises(MediaRefused):
        sound_of(media, wav_header(data_bytes=200_000, rate=1) + bytes(200_000))


@pytest.mark.parametrize("attempt", ["open", "write", "socket", "fork", "memory", "limits"])
def test_the_jail_refuses(media, attempt):
    """Code that took over the decoder could open no file, no connection, no process, and not raise its limits."""
    assert media.self_test(attempt).startswith("refused")


def test_the_jail_has_no_network(media):
    """The fork server left the machine's network before it saw the first file."""
    assert "no_new_privs" in media.measures()


def test_a_crash_harms_nobody_else(media):
    """A file that kills its decoder leaves the next one unharmed."""
    assert media.self_test("crash").startswith("died")
    assert len(sound_of(media, media_file(format_named("mp3")))) > 0


def test_an_endless_loop_ends(media):
    """Processor time is limited for each file: one that outlived it would be waited for in vain."""
    assert media.self_test("spin").startswith("died")


def test_a_killed_fork_server_is_started_again(media):
    """The next file finds a decoder although somebody killed it."""
    sound_of(media, media_file(format_named("wav")))
    media._server._process.kill()
    media._server._process.wait()
    assert len(sound_of(media, media_file(format_named("wav")))) == 32_000


def test_two_files_are_decoded_at_once(media):
    """The two speech steps of a recording read it side by side."""
    data = media_file(format_named("flac"), duration_s=20)
    lengths: list[int] = []
    threads = [threading.Thread(target=lambda: lengths.append(len(sound_of(media, data)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lengths == [20 * 16_000] * 4


def test_a_reader_that_loses_interest_frees_the_decoder(media):
    """Cancelling a job in the middle leaves no process behind."""
    blocks = media.decode(io.BytesIO(media_file(format_named("wav"), duration_s=50)))
    next(blocks)
    blocks.close()
    assert len(sound_of(media, media_file(format_named("wav")))) == 32_000


def test_a_child_that_talks_nonsense_is_not_believed(media, monkeypatch):
    """Whatever a captured decoder says, the worker only ever sees a refusal."""
    for frame in (
        b"\x07\0\0\0\0",
        b"\x03\xff\xff\xff\xff",
        b"\x02\0\0\0\x02[]",
        b"\x04\0\0\0\x04null",
        b"\x04\0\0\0\x0ball",
    ):

        class Liar:
            def __init__(self, frame: bytes) -> None:
                self.data, other = socket.socketpair()
                other.sendall(frame)
                other.close()

            def __enter__(self):
                return self

            def __exit__(self, *_: object) -> None:
                self.data.close()

            def exit_code(self) -> int | None:
                return None

        liar = Liar(frame)
        monkeypatch.setattr(media._server, "start_child", lambda _request, liar=liar: liar)
        with pytest.raises((DecoderCrashed, DecoderLimit)):
            sound_of(media, b"RIFF")


HOLDER = """
import io, sys
from appliance.adapters.media import SandboxedMedia
media = SandboxedMedia()
blocks = media.decode(open(sys.argv[1], "rb"))
next(blocks)
print(media._server._process.pid, flush=True)
sys.stdin.read()
"""


def test_a_killed_worker_leaves_no_decoder_behind(tmp_path):
    """When the worker dies in the middle of a file, fork server and child end by themselves."""
    file = tmp_path / "long.wav"
    file.write_bytes(media_file(format_named("wav"), duration_s=50))
    worker = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    fork_server = int(worker.stdout.readline())
    family = [fork_server, *descendants(fork_server)]
    assert len(family) >= 3
    worker.kill()
    worker.wait()
    deadline = time.monotonic() + 20
    while any(is_running(pid) for pid in family) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in family if is_running(pid)]


def descendants(pid: int) -> list[int]:
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
