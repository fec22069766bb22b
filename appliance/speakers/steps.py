"""The step that hears who speaks when."""

from appliance.jobs.context import StepContext
from appliance.jobs.model import Queue
from appliance.meetings.sound import Sounds
from appliance.speakers.documents import TurnStore
from appliance.speakers.model import ANY_NUMBER, SpeakerCount
from appliance.speakers.ports import SpeakerTurns


class Checkpoint:
    """A step's checkpoint as an engine's bookmark."""

    def __init__(self, ctx: StepContext) -> None:
        self._ctx = ctx

    def load(self) -> bytes | None:
        """What the last attempt noted."""
        return self._ctx.checkpoint()

    def save(self, note: bytes) -> None:
        """Note how far this attempt came; sealed with the meeting's key."""
        self._ctx.save_checkpoint(note)


class SpeakersStep:
    """Who spoke when, for the whole recording; runs beside the transcription.

    The job's option ``speakers`` is the number that somebody counted, if anybody did.
    """

    name = "speakers"
    queue = Queue.SPEECH
    needs: tuple[str, ...] = ("validate",)

    def __init__(self, *, sounds: Sounds, engine: SpeakerTurns, turns: TurnStore) -> None:
        self._sounds = sounds
        self._engine = engine
        self._turns = turns

    def run(self, ctx: StepContext) -> None:
        """Listen, from the last checkpoint on, and keep the turns."""
        turns = self._engine.turns(
            self._sounds.of(ctx),
            count=_count(ctx.job.options.get("speakers")),
            progress=ctx.progress,
            bookmark=Checkpoint(ctx),
        )
        with ctx.transaction() as tx:
            self._turns.put(tx, ctx.meeting_id, turns, engine=self._engine.name)
            ctx.finish(tx)

    def compensate(self, ctx: StepContext) -> None:
        """Forget the turns."""
        with ctx.transaction() as tx:
            self._turns.delete(tx, ctx.meeting_id)


def _count(option: object) -> SpeakerCount:
    if isinstance(option, int) and not isinstance(option, bool) and option > 0:
        return SpeakerCount.exactly(option)
    return ANY_NUMBER
