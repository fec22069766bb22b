"""The state machine: stages in their order, each noted before it begins; forward to the end, or all the way back.

Whatever interrupts it, an error or the power, the end is the old release with every row, or the new one. What was begun
before the decision (``COMMIT``) is taken back; what comes after it is finished.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import structlog

from appliance.kernel.clock import Clock
from appliance.kernel.errors import HangJegyzetError
from appliance.upgrades.errors import FinishFailed, NothingToResume, UndoFailed, UpgradeUndone, UpgradeUnfinished
from appliance.upgrades.journal import Journal, boot_id
from appliance.upgrades.model import Direction, Ending, Kind, News, Record, Stage, StageState

log = structlog.get_logger()

INTERRUPTED = "it was interrupted"


class Step(Protocol):
    """One stage: how it is done, and how what it did is taken back.

    Both may find that they were done before, in part or whole. Until ``COMMIT`` every step can be undone.
    """

    @property
    def stage(self) -> Stage:
        """Its name."""
        ...

    def do(self, record: Record) -> Record:
        """Do it; returns what was learned."""
        ...

    def undo(self, record: Record) -> Record:
        """Take it back."""
        ...


Speaker = Callable[[News], object]


class UpgradeService:
    """Drives one upgrade at a time.

    Args:
        plans: the steps of each kind, in order.
        tell: gets every line of progress, besides the journal.
    """

    def __init__(
        self,
        journal: Journal,
        plans: Mapping[Kind, Sequence[Step]],
        *,
        clock: Clock,
        tell: Speaker = lambda _: None,
    ) -> None:
        self._journal = journal
        self._plans = plans
        self._clock = clock
        self._tell = tell

    def start(self, record: Record, *, driver: Path) -> Record:
        """Bring it about; returns the notes of how it went.

        Args:
            driver: folder of the release that drives it, now and after a power cut.

        Raises:
            UpgradeBusy, UpgradeUnfinished: there is another one.
            HangJegyzetError: a stage failed before anything stopped; nothing was changed.
            UpgradeUndone: it failed later, and the machine is as it was before.
            UndoFailed, FinishFailed: it has to be resumed.
        """
        with self._journal.alone():
            if (found := self._journal.read()) is not None:
                raise UpgradeUnfinished(old=found.old, new=found.aim, stage=found.stage)
            self._journal.begin(record, driver)
            return self._go_on(record)

    def resume(self) -> Record:
        """Bring an interrupted one to its end: back, or forward when it was decided.

        Raises:
            NothingToResume: none was.
            UpgradeBusy: it is not interrupted.
            UndoFailed, FinishFailed: it has to be resumed again.
        """
        with self._journal.alone():
            record = self._journal.read()
            if record is None:
                raise NothingToResume
            record = record.but(pid=os.getpid(), boot_id=boot_id())
            if record.direction is Direction.FORWARD and not record.is_decided:
                record = self._noted(record.turned(f"{INTERRUPTED} at {record.stage or 'its beginning'}"))
            return self._go_on(record) if record.direction is Direction.FORWARD else self._backward(record)

    def _go_on(self, record: Record) -> Record:
        try:
            record = self._forward(record)
        except _Failed as failure:
            ended = self._backward(self._noted(failure.record.turned(_told(failure.error))))
            if isinstance(failure.error, HangJegyzetError) and not ended.has_entered(Stage.CLOSE):
                raise failure.error from None
            raise UpgradeUndone(old=ended.old, new=ended.aim, reason=ended.reason) from failure.error
        return self._end(record, Ending.DONE)

    def _forward(self, record: Record) -> Record:
        """Do what is not done.

        Raises:
            _Failed: it has to be taken back.
            FinishFailed: it was decided already.
        """
        done = {passed.stage for passed in record.passed if passed.ended_at is not None}
        for step in self._plans[record.kind]:
            if step.stage in done:
                continue
            record = self._noted(record.entering(step.stage, self._clock.now()))
            self._say(step.stage, StageState.BEGUN)
            try:
                record = step.do(record)
            except Exception as error:  # whatever it is, the machine must not stay between two releases
                log.exception("upgrade_stage_failed", stage=step.stage.value)
                self._say(step.stage, StageState.FAILED, text=_told(error))
                if record.is_decided:
                    raise FinishFailed(new=record.aim, stage=step.stage, reason=_told(error)) from error
                raise _Failed(record, error) from error
            record = self._noted(record.leaving(step.stage, self._clock.now()))
            self._say(step.stage, StageState.DONE, took_s=record.passed[-1].took_s)
        return record

    def _backward(self, record: Record) -> Record:
        """Undo what was entered, last first."""
        for step in reversed(self._plans[record.kind]):
            if not record.has_entered(step.stage) or step.stage in record.undone:
                continue
            self._say(step.stage, StageState.UNDOING)
            began = self._clock.now()
            try:
                record = step.undo(record)
            except Exception as error:
                log.exception("upgrade_undo_failed", stage=step.stage.value)
                self._say(step.stage, StageState.FAILED, text=_told(error))
                raise UndoFailed(old=record.old, stage=step.stage, reason=_told(error)) from error
            record = self._noted(record.but(undone=(*record.undone, step.stage)))
            self._say(step.stage, StageState.UNDONE, took_s=(self._clock.now() - began).total_seconds())
        return self._end(record, Ending.UNDONE)

    def _noted(self, record: Record) -> Record:
        self._journal.save(record)
        return record

    def _end(self, record: Record, ending: Ending) -> Record:
        ended = record.but(ending=ending, ended_at=self._clock.now())
        self._journal.close(ended)
        self._speak(News(event="end", at=self._clock.now(), ending=ending, text=ended.reason, took_s=ended.total_s))
        log.info("upgrade_ended", kind=record.kind.value, old=record.old, new=record.aim, ending=ending.value)
        return ended

    def _say(self, stage: Stage, state: StageState, *, took_s: float | None = None, text: str = "") -> None:
        took = None if took_s is None else round(took_s, 3)
        self._speak(News(event="stage", at=self._clock.now(), stage=stage, state=state.value, took_s=took, text=text))

    def _speak(self, news: News) -> None:
        self._journal.tell(news)
        self._tell(news)


class _Failed(Exception):
    """A stage failed before the decision."""

    def __init__(self, record: Record, error: Exception) -> None:
        super().__init__(str(error))
        self.record = record
        self.error = error


def _told(error: Exception) -> str:
    """What went wrong, for people; of an error that nobody expected its kind alone: its words may quote content."""
    if isinstance(error, HangJegyzetError):
        return f"{error} {error.remedy}".strip()[:4000]
    return f"an unexpected {type(error).__name__}; the journal says more: journalctl -u 'hangjegyzet-upgrade*'"
