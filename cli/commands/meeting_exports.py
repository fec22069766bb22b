"""What ``hangjegyzet meeting export`` can write."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum

from appliance.bootstrap import Services
from appliance.kernel.actor import Actor
from appliance.kernel.ids import MeetingId


class Export(StrEnum):
    """A thing to take out, named as the file that it becomes."""

    TRANSCRIPT_JSON = "transcript.json"
    TRANSCRIPT_TXT = "transcript.txt"
    TRANSCRIPT_VTT = "transcript.vtt"
    TRANSCRIPT_RTTM = "transcript.rttm"
    MINUTES_JSON = "minutes.json"
    MINUTES_MD = "minutes.md"
    AUDIO = "audio"


Writer = Callable[[Services, Actor, MeetingId], Iterator[bytes]]


def _transcript(format_name: str) -> Writer:
    def write(services: Services, actor: Actor, meeting_id: MeetingId) -> Iterator[bytes]:
        yield services.transcripts.export(actor, meeting_id, format_name)

    return write


def _minutes(format_name: str) -> Writer:
    def write(services: Services, actor: Actor, meeting_id: MeetingId) -> Iterator[bytes]:
        yield services.minutes.export(actor, meeting_id, format_name)

    return write


def _audio(services: Services, actor: Actor, meeting_id: MeetingId) -> Iterator[bytes]:
    with services.meetings.open_audio(actor, meeting_id) as audio:
        yield from audio.ranges(0, audio.size)


EXPORTS: Mapping[Export, Writer] = {
    Export.TRANSCRIPT_JSON: _transcript("json"),
    Export.TRANSCRIPT_TXT: _transcript("txt"),
    Export.TRANSCRIPT_VTT: _transcript("vtt"),
    Export.TRANSCRIPT_RTTM: _transcript("rttm"),
    Export.MINUTES_JSON: _minutes("json"),
    Export.MINUTES_MD: _minutes("md"),
    Export.AUDIO: _audio,
}
