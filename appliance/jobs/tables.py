"""Rows of jobs, their steps and leases, and of what this machine learned about their cost.

A step carries copies of its job's kind, priority and owner, because workers look for the next step over all jobs many
times a second. The tables named ``huey_…`` belong to Huey and are laid out as it wants them; they hold nothing but ids.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    desc,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from appliance.database.types import bytes_column, json_column, utc_column
from appliance.tenants.tables import Tenant


class Job(SQLModel, table=True):
    """One job: the truth about one piece of work."""

    __tablename__ = "job"
    __table_args__ = (
        Index("job_by_age", "tenant_id", desc("id")),
        Index("job_by_owner", "tenant_id", "owner_id", desc("id")),
        Index("job_by_meeting", "meeting_id"),
        Index("job_finished", "tenant_id", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
        ForeignKeyConstraint(["tenant_id"], [f"{Tenant.__tablename__}.id"], name="job_tenant_id_fkey"),
    )

    id: UUID = Field(primary_key=True)
    tenant_id: UUID
    meeting_id: UUID | None = None
    owner_id: UUID | None = None
    kind: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    priority: int = Field(sa_type=SmallInteger)
    options: dict[str, Any] = json_column(nullable=False)
    audio_s: float | None = Field(default=None, sa_type=Double)
    failed_step: str | None = Field(default=None, sa_type=Text)
    failure_code: str | None = Field(default=None, sa_type=Text)
    failure_message: str | None = Field(default=None, sa_type=Text)
    failure_remedy: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = utc_column()
    started_at: datetime | None = utc_column(default=None, nullable=True)
    finished_at: datetime | None = utc_column(default=None, nullable=True)


class JobStep(SQLModel, table=True):
    """One step of a job, and the lease of the worker that has it."""

    __tablename__ = "job_step"
    __table_args__ = (
        ForeignKeyConstraint(["job_id"], ["job.id"], name="job_step_job_id_fkey", ondelete="CASCADE"),
        Index("job_step_line", "queue", postgresql_where=text("state IN ('ready', 'undo_ready')")),
        Index("job_step_leased", "lease_expires_at", postgresql_where=text("state IN ('running', 'undoing')")),
    )

    job_id: UUID = Field(primary_key=True)
    name: str = Field(primary_key=True, sa_type=Text)
    tenant_id: UUID
    position: int = Field(sa_type=SmallInteger)
    kind: str = Field(sa_type=Text)
    queue: str = Field(sa_type=Text)
    needs: list[str] = Field(sa_type=ARRAY(Text))
    priority: int = Field(sa_type=SmallInteger)
    owner_key: UUID
    """Whose turn it takes: the owner of the job, or the tenant where nobody owns it."""
    state: str = Field(sa_type=Text)
    dirty: bool = False
    after_undo: str | None = Field(default=None, sa_type=Text)
    attempt: int = 0
    tries: int = 0
    losses: int = 0
    ready_at: datetime | None = utc_column(default=None, nullable=True)
    worker: str | None = Field(default=None, sa_type=Text)
    lease_expires_at: datetime | None = utc_column(default=None, nullable=True)
    started_at: datetime | None = utc_column(default=None, nullable=True)
    finished_at: datetime | None = utc_column(default=None, nullable=True)
    progress: float = Field(default=0.0, sa_type=Double)
    progress_from: float = Field(default=0.0, sa_type=Double)
    """Progress when the present attempt began: the rest of it is what the attempt achieved."""
    resumed: bool = False
    """Whether an earlier attempt at the same work was interrupted."""
    failure_code: str | None = Field(default=None, sa_type=Text)
    failure_message: str | None = Field(default=None, sa_type=Text)
    failure_remedy: str | None = Field(default=None, sa_type=Text)


class JobCheckpoint(SQLModel, table=True):
    """How far a step has got, sealed with its meeting's key."""

    __tablename__ = "job_checkpoint"
    __table_args__ = (
        ForeignKeyConstraint(
            ["job_id", "step"],
            ["job_step.job_id", "job_step.name"],
            name="job_checkpoint_step_fkey",
            ondelete="CASCADE",
        ),
    )

    job_id: UUID = Field(primary_key=True)
    step: str = Field(primary_key=True, sa_type=Text)
    tenant_id: UUID
    attempt: int
    sealed: bytes = bytes_column()
    saved_at: datetime = utc_column()


class JobHistory(SQLModel, table=True):
    """What one undisturbed run of a step cost on this machine."""

    __tablename__ = "job_history"
    __table_args__ = (Index("job_history_latest", "kind", "step", desc("id")),)

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger, Identity(always=True), primary_key=True),
    )
    kind: str = Field(sa_type=Text)
    step: str = Field(sa_type=Text)
    node: str = Field(sa_type=Text)
    audio_s: float = Field(sa_type=Double)
    work_s: float = Field(sa_type=Double)
    finished_at: datetime = utc_column()


class JobShare(SQLModel, table=True):
    """How much audio somebody was served by a queue, halved with every half-life that passes."""

    __tablename__ = "job_share"

    queue: str = Field(primary_key=True, sa_type=Text)
    owner_key: UUID = Field(primary_key=True)
    served_s: float = Field(sa_type=Double)
    served_at: datetime = utc_column()
    """When a step of theirs was last taken; the decay is reckoned from here."""


class JobWorker(SQLModel, table=True):
    """One worker process, alive or gone: tells a crash from a restart of the machine."""

    __tablename__ = "job_worker"

    name: str = Field(primary_key=True, sa_type=Text)
    node: str = Field(sa_type=Text)
    boot_id: str = Field(sa_type=Text)
    pid_space: str = Field(sa_type=Text)
    pid: int
    pid_started: int = Field(sa_type=BigInteger)
    queue: str = Field(sa_type=Text)
    started_at: datetime = utc_column()
    seen_at: datetime = utc_column()
    stopped_at: datetime | None = utc_column(default=None, nullable=True)


def _huey_id() -> Column[Any]:
    return Column("id", BigInteger, primary_key=True, autoincrement=True)


HUEY_TABLES = (
    Table(
        "huey_kv",
        SQLModel.metadata,
        Column("queue", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("value", LargeBinary, nullable=False),
    ),
    Table(
        "huey_schedule",
        SQLModel.metadata,
        _huey_id(),
        Column("queue", Text, nullable=False),
        Column("data", LargeBinary, nullable=False),
        Column("timestamp", Double, nullable=False),
        Index("huey_schedule_queue_timestamp", "queue", "timestamp"),
    ),
    Table(
        "huey_task",
        SQLModel.metadata,
        _huey_id(),
        Column("queue", Text, nullable=False),
        Column("data", LargeBinary, nullable=False),
        Column("priority", Double, nullable=False, server_default="0.0"),
        Index("huey_task_queue_priority_id", "queue", desc("priority"), "id"),
    ),
    Table(
        "huey_counter",
        SQLModel.metadata,
        Column("queue", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("value", BigInteger, nullable=False, server_default="0"),
    ),
)
