"""The step that writes the minutes of a meeting."""

from appliance.audit.model import AuditName
from appliance.audit.service import AuditTrail
from appliance.jobs.context import StepContext
from appliance.jobs.model import Queue
from appliance.meetings.documents import DocumentStore
from appliance.minutes.exports import to_json
from appliance.minutes.ports import ResidentModel, TranscriptSource
from appliance.minutes.service import DOCUMENT
from appliance.minutes.writing import MinutesWriter, Progress


class MinutesStep:
    """Reads the transcript, writes the minutes, keeps them sealed.

    Every answer of the model is checkpointed, so that a killed worker asks again only what it was being told.
    """

    name = "minutes"
    queue = Queue.LANGUAGE
    needs: tuple[str, ...] = ("merge",)

    def __init__(
        self,
        *,
        model: ResidentModel,
        transcripts: TranscriptSource,
        documents: DocumentStore,
        audit: AuditTrail,
    ) -> None:
        self._model = model
        self._transcripts = transcripts
        self._documents = documents
        self._audit = audit

    def run(self, ctx: StepContext) -> None:
        """Write the minutes of the newest transcript.

        Raises:
            NothingSaid, PromptTooLong: trying again is useless.
            Unavailable: the model is not there, or does not fit into memory now.
        """
        with ctx.transaction() as tx:
            transcript = self._transcripts.load(tx, ctx.meeting_id).with_names()
            revision = self._transcripts.revision(tx, ctx.meeting_id) or 0
        ctx.set_audio_seconds(transcript.duration_s)
        written = MinutesWriter(self._model.get()).write(
            transcript,
            revision=revision,
            resume=ctx.checkpoint(),
            progress=Progress(told=ctx.progress, checkpoint=ctx.save_checkpoint),
        )
        minutes = written.minutes
        with ctx.transaction() as tx:
            self._documents.put(tx, ctx.meeting_id, DOCUMENT, to_json(minutes))
            self._audit.record(
                tx,
                AuditName.MINUTES_WRITTEN,
                actor=ctx.actor,
                subject_type="meeting",
                subject_id=ctx.meeting_id,
                detail={
                    "model": minutes.model,
                    "transcript_revision": revision,
                    "decisions": len(minutes.decisions),
                    "actions": len(minutes.actions),
                    "rejected": len(minutes.rejected),
                },
            )
            ctx.finish(tx)

    def compensate(self, ctx: StepContext) -> None:
        """Remove the minutes."""
        with ctx.transaction() as tx:
            self._documents.delete(tx, ctx.meeting_id, DOCUMENT)
