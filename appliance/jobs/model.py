"""Jobs, steps and leases as values: states, shapes of sagas, and the views that doors show."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, Protocol, TypeAlias, TypeVar
from uuid import UUID

from appliance.kernel.ids import JobId, MeetingId, TenantId, UserId

Json: TypeAlias = str | int | float | bool | None
"""A JSON scalar: what a job's options may hold. Never content."""

LOWEST_PRIORITY, HIGHEST_PRIORITY = -10, 10


class Queue(StrEnum):
    """Which worker process works on a step; each loads its own models."""

    SPEECH = "speech"
    LANGUAGE = "language"
    GENERAL = "general"


class JobState(StrEnum):
    """How far a job is, in one word."""

    QUEUED = "queued"
    """No step was ever begun."""
    RUNNING = "running"
    CANCELLING = "cancelling"
    """Running steps are being told, then everything is undone."""
    DONE = "done"
    FAILED = "failed"
    """A dead letter: it says what happened and what to do, and waits for somebody."""
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the job rests until somebody asks for more."""
        return self in {JobState.DONE, JobState.FAILED, JobState.CANCELLED}


class StepState(StrEnum):
    """Where a step stands; the ``UNDO`` states lead back."""

    WAITING = "waiting"
    """For the steps that it needs."""
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNDO_WAITING = "undo_waiting"
    """To be undone, after the steps that built on it."""
    UNDO_READY = "undo_ready"
    UNDOING = "undoing"

    @property
    def is_leased(self) -> bool:
        """Whether a worker holds it."""
        return self in {StepState.RUNNING, StepState.UNDOING}

    @property
    def is_claimable(self) -> bool:
        """Whether a worker may take it."""
        return self in {StepState.READY, StepState.UNDO_READY}

    @property
    def is_being_undone(self) -> bool:
        """Whether its work is about to be removed."""
        return self in {StepState.UNDO_WAITING, StepState.UNDO_READY, StepState.UNDOING}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something failed and what the reader can do now; never holds content."""

    code: str
    message: str
    remedy: str = ""


class StepShape(Protocol):
    """What the order of a saga depends on."""

    @property
    def name(self) -> str: ...

    @property
    def queue(self) -> Queue: ...

    @property
    def needs(self) -> tuple[str, ...]: ...


S = TypeVar("S", bound=StepShape)


@dataclass(frozen=True)
class Saga(Generic[S]):
    """One kind of job: its steps in an order in which each comes after all that it needs.

    Raises:
        ValueError: a name is used twice, or a step needs one that does not come before it.
    """

    kind: str
    steps: tuple[S, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for step in self.steps:
            if step.name in seen:
                raise ValueError(f"saga {self.kind} has two steps named {step.name}")
            if missing := set(step.needs) - seen:
                raise ValueError(f"step {step.name} needs {sorted(missing)}, which must come before it")
            seen.add(step.name)

    def __iter__(self) -> Iterator[S]:
        return iter(self.steps)

    def step(self, name: str) -> S:
        """The step of that name; ``KeyError`` when there is none."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class JobRef:
    """The job that a running step belongs to."""

    id: JobId
    tenant_id: TenantId
    kind: str
    meeting_id: MeetingId | None = None
    owner_id: UserId | None = None
    options: Mapping[str, Json] = field(default_factory=dict)
    audio_s: float | None = None
    """Length of the recording, once a step has told it."""


LeaseKey: TypeAlias = tuple[JobId, str, int]


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one worker to one attempt at one step, until it expires.

    ``attempt`` grows with every claim and never falls: it is the fencing token of every write.
    """

    job: JobRef
    step: str
    queue: Queue
    attempt: int
    tries: int
    """Failed tries before this one, since the last success or retry."""
    losses: int
    """Processes that died on this step since it last got further."""
    worker: str
    undo: bool = False
    """Whether the work of the step is to be removed, and not done."""

    @property
    def key(self) -> LeaseKey:
        """Job, step and attempt: what makes it unique for ever."""
        return self.job.id, self.step, self.attempt

    @property
    def is_suspect(self) -> bool:
        """Whether a process died on this step before: it is given a process to itself, so that blame is certain."""
        return self.losses > 0


@dataclass(frozen=True, slots=True)
class StepView:
    """One step, as people see it."""

    name: str
    queue: Queue
    state: StepState
    progress: float
    """0 to 1."""
    share: float
    """Part of the whole job's time that this step usually takes; the shares of a job add up to 1."""
    eta_s: float | None
    """Seconds of work left in this step; nothing where this machine has not learned it yet."""
    attempt: int
    """How many times a worker took it."""
    tries: int
    failure: Failure | None
    ready_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobView:
    """One job, as people see it."""

    id: JobId
    tenant_id: TenantId
    meeting_id: MeetingId | None
    owner_id: UserId | None
    kind: str
    state: JobState
    priority: int
    progress: float
    """0 to 1, steps weighted by the time they usually take."""
    eta_s: float | None
    """Seconds until done; nothing where it would be a guess."""
    queue_position: int | None
    """1 is next; nothing once a step runs."""
    failure: Failure | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    steps: tuple[StepView, ...]

    @property
    def current_steps(self) -> tuple[StepView, ...]:
        """The steps that a worker holds now."""
        return tuple(step for step in self.steps if step.state.is_leased)


@dataclass(frozen=True, slots=True)
class JobSignal:
    """Something about a job changed: read it again."""

    job_id: JobId
    tenant_id: TenantId
    meeting_id: UUID | None
