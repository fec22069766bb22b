"""The first step of a recording: is it one, how long is it, and what does its waveform look like?"""

from collections.abc import Callable
from typing import BinaryIO

from sqlalchemy import text

from appliance.audit.model import AuditName
from appliance.audit.service import AuditTrail
from appliance.database.engine import Tx
from appliance.jobs.context import StepContext
from appliance.jobs.model import Queue
from appliance.kernel.clock import Clock
from appliance.kernel.ids import MeetingId
from appliance.meetings.documents import DocumentStore
from appliance.meetings.model import MediaInfo
from appliance.meetings.peaks import PEAKS_DOCUMENT, PeakMeter
from appliance.meetings.ports import MediaDecoder, MediaProbe
from appliance.meetings.recordings import RecordingFiles

_STORE = text(
    "UPDATE recording SET duration_s = :duration_s, container = :container, codec = :codec, channels = :channels,"
    " sample_rate = :sample_rate, has_video = :has_video, validated_at = :now WHERE meeting_id = :meeting"
)
_FORGET = text(
    "UPDATE recording SET duration_s = NULL, container = NULL, codec = NULL, channels = NULL,"
    " sample_rate = NULL, has_video = NULL, validated_at = NULL WHERE meeting_id = :meeting"
)


class ValidateStep:
    """Refuses what is no recording, and stores what the others want to know of one that is.

    The whole recording is decoded once: a container may promise anything, only the sound proves it. The same pass makes
    the waveform.
    """

    name = "validate"
    queue = Queue.GENERAL
    needs: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        files: RecordingFiles,
        documents: DocumentStore,
        probe: MediaProbe,
        decoder: MediaDecoder,
        audit: AuditTrail,
        clock: Clock,
    ) -> None:
        self._files = files
        self._documents = documents
        self._probe = probe
        self._decoder = decoder
        self._audit = audit
        self._clock = clock

    def run(self, ctx: StepContext) -> None:
        """Measure the recording, or refuse it with the reason that its owner can act on."""
        with ctx.transaction() as tx:
            source = self._files.source(tx, ctx.meeting_id)
        with source:
            info = self._probe.probe(source)
            if info.duration_s is not None:
                ctx.set_audio_seconds(info.duration_s)
            sound = self._measure(source, expected_s=info.duration_s, progress=ctx.progress)
        ctx.set_audio_seconds(sound.duration_s)
        with ctx.transaction() as tx:
            self._store(tx, ctx, info, sound)
            ctx.finish(tx)

    def compensate(self, ctx: StepContext) -> None:
        """Know nothing about the recording again."""
        with ctx.transaction() as tx:
            self._documents.delete(tx, ctx.meeting_id, PEAKS_DOCUMENT)
            tx.execute(_FORGET, {"meeting": ctx.meeting_id})

    def _measure(self, source: BinaryIO, *, expected_s: float | None, progress: Callable[[float], None]) -> PeakMeter:
        meter = PeakMeter()
        source.seek(0)
        for block in self._decoder.decode(source):
            meter.add(block)
            if expected_s:
                progress(min(1.0, meter.duration_s / expected_s))
        meter.require_sound()
        return meter

    def _store(self, tx: Tx, ctx: StepContext, info: MediaInfo, sound: PeakMeter) -> None:
        meeting_id: MeetingId = ctx.meeting_id
        self._documents.put(tx, meeting_id, PEAKS_DOCUMENT, sound.peaks())
        found: dict[str, str | int | float | bool | None] = {
            "container": info.container,
            "codec": info.codec,
            "channels": info.channels,
            "sample_rate": info.sample_rate,
            "has_video": info.has_video,
        }
        tx.execute(_STORE, {**found, "duration_s": sound.duration_s, "now": self._clock.now(), "meeting": meeting_id})
        self._audit.record(
            tx,
            AuditName.RECORDING_VALIDATED,
            actor=ctx.actor,
            subject_type="meeting",
            subject_id=meeting_id,
            detail={**found, "duration_s": round(sound.duration_s, 3)},
        )
