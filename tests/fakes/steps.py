"""Steps for tests of jobs: they do what they are told, and write down what they did."""

from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.jobs.context import StepContext
from appliance.jobs.model import Queue, Saga

Behaviour = Callable[[StepContext], None]


def nothing(_ctx: StepContext) -> None:
    """Succeeds at once."""


@dataclass
class ScriptedStep:
    """Runs the given behaviour; ``events`` is shared by the steps of a saga and tells who ran and who was undone."""

    name: str
    needs: tuple[str, ...] = ()
    queue: Queue = Queue.GENERAL
    events: list[str] = field(default_factory=list)
    does: Behaviour = nothing
    undoes: Behaviour = nothing

    def run(self, ctx: StepContext) -> None:
        self.events.append(f"{self.name}:run")
        self.does(ctx)

    def compensate(self, ctx: StepContext) -> None:
        self.events.append(f"{self.name}:undo")
        self.undoes(ctx)


def recording_saga(events: list[str] | None = None, **behaviours: Behaviour) -> Saga[ScriptedStep]:
    """The shape of a recording's saga.

    Args:
        behaviours: what a step does, by its name.
    """
    shared: list[str] = [] if events is None else events

    def step(name: str, needs: tuple[str, ...] = (), queue: Queue = Queue.GENERAL) -> ScriptedStep:
        return ScriptedStep(name, needs, queue, shared, behaviours.get(name, nothing))

    return Saga(
        "recording",
        (
            step("validate"),
            step("transcribe", ("validate",), Queue.SPEECH),
            step("speakers", ("validate",), Queue.SPEECH),
            step("merge", ("transcribe", "speakers")),
            step("minutes", ("merge",), Queue.LANGUAGE),
            step("index", ("merge",)),
            step("notify", ("minutes", "index")),
        ),
    )


def one_step_saga(does: Behaviour = nothing, *, events: list[str] | None = None) -> Saga[ScriptedStep]:
    """A job of a single step named ``only``."""
    shared: list[str] = [] if events is None else events
    return Saga("single", (ScriptedStep("only", events=shared, does=does),))
