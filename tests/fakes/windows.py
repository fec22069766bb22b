"""Steps that work window by window, and leave traces by which a test can tell what was done how often.

Two tables of the test's own: ``chaos_try`` is written at the start of a window in a transaction of its own, and so
tells what was begun; ``chaos_effect`` is written through the lease, and so tells what counted.
"""

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from appliance.database.engine import Database
from appliance.database.errors import DatabaseUnavailable
from appliance.jobs.context import StepContext
from appliance.jobs.model import Queue, Saga
from appliance.jobs.ports import Step

TRACES = """
CREATE TABLE chaos_try (job_id uuid, step text, part int, attempt int, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE chaos_effect (job_id uuid, step text, part int, attempt int, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE chaos_upload (number int PRIMARY KEY, job_id uuid NOT NULL);
GRANT SELECT, INSERT, DELETE ON chaos_try, chaos_effect TO hangjegyzet_worker;
GRANT SELECT, INSERT ON chaos_upload TO hangjegyzet_web;
"""

_TRY = text("INSERT INTO chaos_try (job_id, step, part, attempt) VALUES (:job_id, :step, :part, :attempt)")
_EFFECT = text("INSERT INTO chaos_effect (job_id, step, part, attempt) VALUES (:job_id, :step, :part, :attempt)")


@dataclass
class WindowStep:
    """Works through ``windows``, each of which takes ``window_s``.

    Args:
        audio_s: told as the length of the recording, where given.
    """

    name: str
    database: Database
    needs: tuple[str, ...] = ()
    queue: Queue = Queue.GENERAL
    windows: int = 1
    window_s: float = 0.02
    audio_s: float | None = None

    def run(self, ctx: StepContext) -> None:
        if self.audio_s is not None:
            ctx.set_audio_seconds(self.audio_s)
        done = int(ctx.checkpoint() or b"0")
        for window in range(done, self.windows):
            self._note(_TRY, ctx, window)
            time.sleep(self.window_s)
            ctx.progress(window / self.windows)
            with ctx.transaction() as tx:
                tx.execute(_EFFECT, self._values(ctx, window))
                ctx.save_checkpoint(str(window + 1).encode(), tx=tx)
                if window + 1 == self.windows:
                    ctx.finish(tx)

    def compensate(self, ctx: StepContext) -> None:
        with ctx.transaction() as tx:
            tx.execute(
                text("DELETE FROM chaos_effect WHERE job_id = :job_id AND step = :step"),
                {"job_id": ctx.job.id, "step": self.name},
            )

    def _note(self, statement: Any, ctx: StepContext, window: int) -> None:
        while True:
            try:
                with self.database.transaction(None) as tx:
                    tx.execute(statement, self._values(ctx, window))
            except DatabaseUnavailable:
                time.sleep(0.1)
                ctx.progress(window / self.windows)
            else:
                return

    def _values(self, ctx: StepContext, window: int) -> dict[str, object]:
        return {"job_id": ctx.job.id, "step": self.name, "part": window, "attempt": ctx.attempt}


def window_saga(database: Database, *, window_s: float) -> Saga[Step]:
    """The saga of a recording in shape, with windows instead of engines."""

    def step(name: str, needs: tuple[str, ...], queue: Queue, windows: int, audio_s: float | None = None) -> Step:
        return WindowStep(name, database, needs, queue, windows, window_s, audio_s)

    return Saga(
        "recording",
        (
            step("validate", (), Queue.GENERAL, 1, audio_s=60.0),
            step("transcribe", ("validate",), Queue.SPEECH, 6),
            step("speakers", ("validate",), Queue.SPEECH, 4),
            step("merge", ("transcribe", "speakers"), Queue.GENERAL, 1),
            step("minutes", ("merge",), Queue.LANGUAGE, 3),
            step("index", ("merge",), Queue.GENERAL, 2),
            step("notify", ("minutes", "index"), Queue.GENERAL, 1),
        ),
    )
