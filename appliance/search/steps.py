"""The step that makes a meeting findable."""

from appliance.audit.model import AuditName
from appliance.audit.service import AuditTrail
from appliance.jobs.context import StepContext
from appliance.jobs.model import Queue
from appliance.search.index import SegmentIndex
from appliance.search.ports import TranscriptSource


class IndexStep:
    """Indexes the words of a transcript; beside the minutes, which it does not wait for."""

    name = "index"
    queue = Queue.GENERAL
    needs: tuple[str, ...] = ("merge",)

    def __init__(self, *, transcripts: TranscriptSource, index: SegmentIndex, audit: AuditTrail) -> None:
        self._transcripts = transcripts
        self._index = index
        self._audit = audit

    def run(self, ctx: StepContext) -> None:
        """Index the transcript anew: a repetition changes nothing."""
        with ctx.transaction() as tx:
            transcript = self._transcripts.load(tx, ctx.meeting_id)
            self._index.transcript_changed(tx, ctx.meeting_id, transcript)
            self._audit.record(
                tx,
                AuditName.MEETING_INDEXED,
                actor=ctx.actor,
                subject_type="meeting",
                subject_id=ctx.meeting_id,
                detail={"segments": len(transcript.segments)},
            )
            ctx.finish(tx)

    def compensate(self, ctx: StepContext) -> None:
        """Take the meeting out of the index."""
        with ctx.transaction() as tx:
            self._index.remove(tx, ctx.meeting_id)
