"""A transcript in the forms that other programs read."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from appliance.speakers.model import Turn, bridge_pauses
from appliance.transcripts.errors import UnknownFormat
from appliance.transcripts.model import Segment, Transcript

CUE_S, CUE_LETTERS = 7.0, 84
"""A caption stays readable up to about this length: two lines of 42 letters."""


def to_json(transcript: Transcript, turns: Sequence[Turn] = ()) -> bytes:
    """Everything, as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(transcript), indent=2) + b"\n"


def to_text(transcript: Transcript, turns: Sequence[Turn] = ()) -> bytes:
    """For reading: a line per segment, with its time and who speaks."""
    lines = []
    for segment in transcript.with_names().segments:
        speaker = f"{segment.speaker}: " if segment.speaker else ""
        lines.append(f"[{_clock(segment.start_s).partition('.')[0]}] {speaker}{segment.text}")
    return ("\n".join(lines) + "\n").encode() if lines else b""


def to_vtt(transcript: Transcript, turns: Sequence[Turn] = ()) -> bytes:
    """Captions in WebVTT with a voice tag per cue; long segments become several cues, cut between words."""
    cues = ["WEBVTT\n"]
    for segment in transcript.with_names().segments:
        for start_s, end_s, text in _cues(segment):
            voice = f"<v {_escaped(segment.speaker)}>" if segment.speaker else ""
            cues.append(f"{_clock(start_s)} --> {_clock(max(end_s, start_s + 0.001))}\n{voice}{_escaped(text)}\n")
    return "\n".join(cues).encode()


def to_rttm(transcript: Transcript, turns: Sequence[Turn] = ()) -> bytes:
    """Who spoke when, in NIST's RTTM: from the turns where they are known, else from the segments."""
    spoken = [(turn.start_s, turn.duration_s, f"Speaker_{turn.speaker + 1}") for turn in bridge_pauses(turns)] or [
        (segment.start_s, segment.end_s - segment.start_s, segment.speaker.replace(" ", "_"))
        for segment in transcript.segments
        if segment.speaker
    ]
    rows = [
        f"SPEAKER meeting 1 {start_s:.3f} {length_s:.3f} <NA> <NA> {who} <NA> <NA>\n"
        for start_s, length_s, who in spoken
    ]
    return "".join(rows).encode()


FORMATS: dict[str, tuple[Callable[[Transcript, Sequence[Turn]], bytes], str]] = {
    "json": (to_json, "application/json"),
    "txt": (to_text, "text/plain; charset=utf-8"),
    "vtt": (to_vtt, "text/vtt; charset=utf-8"),
    "rttm": (to_rttm, "text/plain; charset=utf-8"),
}
"""How to write each format, and its media type."""


def export(transcript: Transcript, turns: Sequence[Turn], format_name: str) -> tuple[bytes, str]:
    """The transcript in the named format, and the media type.

    Raises:
        UnknownFormat: there is no such format.
    """
    if format_name not in FORMATS:
        raise UnknownFormat(format=format_name, known=", ".join(FORMATS))
    write, media_type = FORMATS[format_name]
    return write(transcript, turns), media_type


def _cues(segment: Segment) -> Iterable[tuple[float, float, str]]:
    part: list[str] = []
    start_s = end_s = segment.start_s
    for word in segment.words:
        is_long = word.end_s - start_s > CUE_S or len(" ".join((*part, word.text))) > CUE_LETTERS
        if part and is_long:
            yield start_s, end_s, " ".join(part)
            part = []
        if not part:
            start_s = word.start_s
        part.append(word.text)
        end_s = word.end_s
    if part:
        yield start_s, end_s, " ".join(part)


def _clock(moment_s: float) -> str:
    milliseconds = round(moment_s * 1000)
    seconds, thousandths = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{thousandths:03d}"


def _escaped(text: str | None) -> str:
    return (text or "").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
