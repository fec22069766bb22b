"""Small recordings of every accepted kind, made when a test asks for them."""

import io
from dataclasses import dataclass

import av
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Format:
    """How to write one kind of file."""

    extension: str
    container: str
    codec: str
    rate: int = 16_000
    layout: str = "mono"
    has_video: bool = False


FORMATS = (
    Format("wav", "wav", "pcm_s16le"),
    Format("mp3", "mp3", "libmp3lame", rate=44_100, layout="stereo"),
    Format("m4a", "ipod", "aac", rate=44_100, layout="stereo"),
    Format("flac", "flac", "flac", rate=48_000),
    Format("ogg", "ogg", "vorbis", rate=44_100, layout="stereo"),
    Format("opus", "ogg", "libopus", rate=48_000),
    Format("webm", "webm", "libopus", rate=48_000, layout="stereo"),
    Format("wma", "asf", "wmav2", rate=44_100, layout="stereo"),
    Format("mp4", "mp4", "aac", rate=48_000, layout="stereo", has_video=True),
    Format("mov", "mov", "pcm_s16le", rate=48_000, layout="stereo", has_video=True),
    Format("mkv", "matroska", "flac", rate=16_000, has_video=True),
    Format("aac", "adts", "aac", rate=16_000),
)


def speechlike(duration_s: float, *, rate: int = 16_000, seed: int = 7) -> npt.NDArray[np.int16]:
    """A buzz that comes and goes like syllables; loud enough not to be silence."""
    at = np.arange(int(duration_s * rate)) / rate
    noise = np.random.default_rng(seed).standard_normal(at.size)
    wave = np.sin(2 * np.pi * 140 * at) + 0.5 * np.sin(2 * np.pi * 880 * at) + 0.1 * noise
    syllables = 0.5 + 0.5 * np.sin(2 * np.pi * 4 * at)
    return np.asarray(wave * syllables * 6_000, dtype=np.int16)


def media_file(kind: Format, *, duration_s: float = 2.0, sound: npt.NDArray[np.int16] | None = None) -> bytes:
    """The bytes of one recording, with a tiny moving picture where the kind has one."""
    file = io.BytesIO()
    samples = speechlike(duration_s, rate=kind.rate) if sound is None else sound
    with av.open(file, "w", format=kind.container) as container:
        audio = container.add_stream(kind.codec, rate=kind.rate, layout=kind.layout, options={"strict": "experimental"})
        audio.bit_rate = 64_000
        video = None
        if kind.has_video:
            video = container.add_stream("mpeg4", rate=5)
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        _write_sound(container, audio, samples, kind)
        if video is not None:
            _write_picture(container, video, frames=max(1, int(duration_s * 5)))
    return file.getvalue()


def video_without_sound() -> bytes:
    """A film nobody can hear."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        video = container.add_stream("mpeg4", rate=5)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        _write_picture(container, video, frames=10)
    return file.getvalue()


def format_named(extension: str) -> Format:
    """The format whose files end so."""
    return next(kind for kind in FORMATS if kind.extension == extension)


def _write_sound(
    container: av.container.OutputContainer, stream: object, samples: npt.NDArray[np.int16], kind: Format
) -> None:
    resampler = av.AudioResampler(format=stream.codec_context.format, layout=kind.layout, rate=kind.rate)  # type: ignore[attr-defined]
    for start in range(0, len(samples), 4_096):
        channels = 2 if kind.layout == "stereo" else 1
        block = np.repeat(samples[start : start + 4_096], channels).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format="s16", layout=kind.layout)
        frame.sample_rate = kind.rate
        frame.pts = start
        for resampled in resampler.resample(frame):
            container.mux(stream.encode(resampled))  # type: ignore[attr-defined]
    container.mux(stream.encode(None))  # type: ignore[attr-defined]


def _write_picture(container: av.container.OutputContainer, stream: object, *, frames: int) -> None:
    for number in range(frames):
        picture = np.full((48, 64, 3), number * 8 % 255, dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = number
        container.mux(stream.encode(frame))  # type: ignore[attr-defined]
    container.mux(stream.encode(None))  # type: ignore[attr-defined]
