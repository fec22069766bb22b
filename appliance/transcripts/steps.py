"""The steps that hear words and give them to speakers."""

from appliance.audit.model import AuditName
from appliance.audit.service import AuditTrail
from appliance.jobs.context import StepContext
from appliance.jobs.model import Queue
from appliance.meetings.sound import Sounds
from appliance.speakers.documents import TURNS, TurnStore
from appliance.speakers.steps import Checkpoint
from appliance.transcripts.dictation import Dictation, Wishes
from appliance.transcripts.documents import SPOKEN, TRANSCRIPT, TranscriptStore
from appliance.transcripts.errors import SoundMissing
from appliance.transcripts.merging import merge
from appliance.transcripts.ports import SpeechToText


class TranscribeStep:
    """The words of the whole recording, guarded; runs beside the diarization.

    The job's option ``language`` is what somebody chose; without it the language is detected. Names and terms that the
    engine should expect are a sealed document of the meeting, because options are not sealed.
    """

    name = "transcribe"
    queue = Queue.SPEECH
    needs: tuple[str, ...] = ("validate",)

    def __init__(self, *, sounds: Sounds, engine: SpeechToText, transcripts: TranscriptStore) -> None:
        self._sounds = sounds
        self._engine = engine
        self._transcripts = transcripts

    def run(self, ctx: StepContext) -> None:
        """Listen, from the last checkpoint on, and keep the words."""
        with ctx.transaction() as tx:
            vocabulary = self._transcripts.vocabulary(tx, ctx.meeting_id)
        dictation = Dictation(
            self._engine,
            self._sounds.of(ctx),
            wishes=Wishes(language=_language(ctx), vocabulary=vocabulary),
            progress=ctx.progress,
            bookmark=Checkpoint(ctx),
        )
        spoken = dictation.run()
        with ctx.transaction() as tx:
            self._transcripts.put_spoken(tx, ctx.meeting_id, spoken)
            ctx.finish(tx)

    def compensate(self, ctx: StepContext) -> None:
        """Forget the words."""
        with ctx.transaction() as tx:
            self._transcripts.delete(tx, ctx.meeting_id, SPOKEN)


class MergeStep:
    """The transcript: words and turns brought together."""

    name = "merge"
    queue = Queue.GENERAL
    needs: tuple[str, ...] = ("transcribe", "speakers")

    def __init__(self, *, transcripts: TranscriptStore, turns: TurnStore, audit: AuditTrail) -> None:
        self._transcripts = transcripts
        self._turns = turns
        self._audit = audit

    def run(self, ctx: StepContext) -> None:
        """Merge and keep the transcript; a repetition writes the same one as a new revision."""
        with ctx.transaction() as tx:
            spoken = self._transcripts.load_spoken(tx, ctx.meeting_id)
            heard = self._turns.get(tx, ctx.meeting_id)
            if heard is None:
                raise SoundMissing(name=TURNS)
            turns, engine = heard
            transcript = merge(spoken, turns, speaker_models=(engine,))
            revision = self._transcripts.put(tx, ctx.meeting_id, transcript)
            self._audit.record(
                tx,
                AuditName.TRANSCRIPT_WRITTEN,
                actor=ctx.actor,
                subject_type="meeting",
                subject_id=ctx.meeting_id,
                detail={
                    "revision": revision,
                    "language": transcript.language,
                    "segments": len(transcript.segments),
                    "speakers": len(transcript.speakers),
                    "removed": len(transcript.removed),
                },
            )
            ctx.finish(tx)

    def compensate(self, ctx: StepContext) -> None:
        """Forget the transcript."""
        with ctx.transaction() as tx:
            self._transcripts.delete(tx, ctx.meeting_id, TRANSCRIPT)


def _language(ctx: StepContext) -> str | None:
    language = ctx.job.options.get("language")
    return language if isinstance(language, str) and language else None
