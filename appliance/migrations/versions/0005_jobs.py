"""Jobs, their steps and leases, the line in which they wait, and the doorbell's tables.

Locks: none but on the new tables. Duration: under a second.
"""

from alembic import op

from appliance.migrations.rls import grant, grant_execute, protect

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_JOBS = """
CREATE TABLE job (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CONSTRAINT job_tenant_id_fkey REFERENCES tenant (id),
    meeting_id uuid,
    owner_id uuid,
    kind text NOT NULL,
    state text NOT NULL CONSTRAINT job_state_known
        CHECK (state IN ('queued', 'running', 'cancelling', 'done', 'failed', 'cancelled')),
    priority smallint NOT NULL CONSTRAINT job_priority_in_range CHECK (priority BETWEEN -10 AND 10),
    options jsonb NOT NULL,
    audio_s double precision CONSTRAINT job_audio_not_negative CHECK (audio_s >= 0),
    failed_step text,
    failure_code text,
    failure_message text,
    failure_remedy text,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT job_failure_explained CHECK (
        state <> 'failed' OR (coalesce(failure_code, '') <> '' AND coalesce(failure_message, '') <> ''))
);
CREATE INDEX job_by_age ON job (tenant_id, id DESC);
CREATE INDEX job_by_owner ON job (tenant_id, owner_id, id DESC);
CREATE INDEX job_by_meeting ON job (meeting_id);
"""

_STEPS = """
CREATE TABLE job_step (
    job_id uuid NOT NULL CONSTRAINT job_step_job_id_fkey REFERENCES job (id) ON DELETE CASCADE,
    name text NOT NULL,
    tenant_id uuid NOT NULL,
    position smallint NOT NULL,
    kind text NOT NULL,
    queue text NOT NULL,
    needs text[] NOT NULL,
    priority smallint NOT NULL,
    owner_key uuid NOT NULL,
    state text NOT NULL CONSTRAINT job_step_state_known CHECK (state IN (
        'waiting', 'ready', 'running', 'done', 'failed', 'cancelled', 'undo_waiting', 'undo_ready', 'undoing')),
    dirty boolean NOT NULL,
    after_undo text,
    attempt integer NOT NULL,
    tries integer NOT NULL,
    losses integer NOT NULL,
    ready_at timestamptz,
    worker text,
    lease_expires_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    progress double precision NOT NULL CONSTRAINT job_step_progress_in_range CHECK (progress BETWEEN 0 AND 1),
    progress_from double precision NOT NULL,
    resumed boolean NOT NULL,
    failure_code text,
    failure_message text,
    failure_remedy text,
    PRIMARY KEY (job_id, name),
    CONSTRAINT job_step_leased_by_somebody CHECK (
        (state IN ('running', 'undoing')) = (worker IS NOT NULL AND lease_expires_at IS NOT NULL)),
    CONSTRAINT job_step_knows_when_ready CHECK (state NOT IN ('ready', 'undo_ready') OR ready_at IS NOT NULL),
    CONSTRAINT job_step_knows_after_undo CHECK (
        (state IN ('undo_waiting', 'undo_ready', 'undoing')) = (after_undo IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX job_step_line ON job_step (queue) WHERE state IN ('ready', 'undo_ready');
CREATE INDEX job_step_leased ON job_step (lease_expires_at) WHERE state IN ('running', 'undoing');

CREATE TABLE job_checkpoint (
    job_id uuid NOT NULL,
    step text NOT NULL,
    tenant_id uuid NOT NULL,
    attempt integer NOT NULL,
    sealed bytea NOT NULL,
    saved_at timestamptz NOT NULL,
    PRIMARY KEY (job_id, step),
    CONSTRAINT job_checkpoint_step_fkey FOREIGN KEY (job_id, step)
        REFERENCES job_step (job_id, name) ON DELETE CASCADE
);
"""

_LEARNED = """
CREATE TABLE job_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    step text NOT NULL,
    node text NOT NULL,
    audio_s double precision NOT NULL CONSTRAINT job_history_audio_positive CHECK (audio_s > 0),
    work_s double precision NOT NULL CONSTRAINT job_history_work_not_negative CHECK (work_s >= 0),
    finished_at timestamptz NOT NULL
);
CREATE INDEX job_history_latest ON job_history (kind, step, id DESC);

CREATE TABLE job_share (
    queue text NOT NULL,
    owner_key uuid NOT NULL,
    served_s double precision NOT NULL,
    served_at timestamptz NOT NULL,
    PRIMARY KEY (queue, owner_key)
);

CREATE TABLE job_worker (
    name text PRIMARY KEY,
    node text NOT NULL,
    boot_id text NOT NULL,
    pid_space text NOT NULL,
    pid integer NOT NULL,
    pid_started bigint NOT NULL,
    queue text NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    stopped_at timestamptz
);
"""

# Ten minutes of waiting weigh as much as one level of priority; audio that was served counts half after an hour.
# See docs/adr/0023-fair-turns.md for why people wait in line, and not jobs.
_LINE = """
CREATE FUNCTION job_share_left(served_s double precision, served_at timestamptz) RETURNS double precision
LANGUAGE sql STABLE  -- without a search_path of its own, so that it is inlined: it is reckoned for every ready step
AS $$ SELECT served_s * pg_catalog.power(
          0.5, greatest(0, pg_catalog.date_part('epoch', pg_catalog.now() - served_at)) / 3600) $$;

CREATE VIEW job_line AS
WITH ready AS (
    SELECT s.job_id, s.name, s.tenant_id, s.kind, s.queue, s.owner_key, s.priority, s.ready_at,
           s.state = 'undo_ready' AS undo,
           s.priority + floor(date_part('epoch', now() - s.ready_at) / 600) AS aged_priority
    FROM job_step s
    WHERE s.state IN ('ready', 'undo_ready') AND s.ready_at <= now()
), turns AS (
    SELECT r.*, row_number() OVER own AS turn, min(r.ready_at) OVER (PARTITION BY r.queue, r.owner_key) AS waiting_since
    FROM ready r
    WINDOW own AS (PARTITION BY r.queue, r.owner_key
                   ORDER BY r.undo DESC, r.aged_priority DESC, r.ready_at, r.job_id, r.name)
), ranked AS (
    SELECT t.*,
           max(t.priority) OVER (PARTITION BY t.queue, t.owner_key ORDER BY t.turn DESC)  -- of this turn and later ones
           + floor(date_part('epoch', now() - greatest(t.waiting_since, h.served_at)) / 600) AS urgency,
           coalesce(job_share_left(h.served_s, h.served_at), 0) AS served_s
    FROM turns t LEFT JOIN job_share h ON h.queue = t.queue AND h.owner_key = t.owner_key
)
SELECT job_id, name, tenant_id, kind, queue,
       row_number() OVER (PARTITION BY queue
                          ORDER BY undo DESC, urgency DESC, turn, served_s, ready_at, job_id, name) AS place
FROM ranked;

CREATE FUNCTION job_places() RETURNS TABLE (job_id uuid, step text, place bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$ SELECT l.job_id, l.name, l.place FROM public.job_line l
      WHERE l.tenant_id = nullif(current_setting('app.tenant', true), '')::uuid $$;
"""

_HUEY = """
CREATE TABLE huey_kv (queue text NOT NULL, key text NOT NULL, value bytea NOT NULL, PRIMARY KEY (queue, key));
CREATE TABLE huey_schedule (
    id bigserial PRIMARY KEY, queue text NOT NULL, data bytea NOT NULL, timestamp double precision NOT NULL);
CREATE INDEX huey_schedule_queue_timestamp ON huey_schedule (queue, timestamp);
CREATE TABLE huey_task (
    id bigserial PRIMARY KEY, queue text NOT NULL, data bytea NOT NULL,
    priority double precision NOT NULL DEFAULT 0.0);
CREATE INDEX huey_task_queue_priority_id ON huey_task (queue, priority DESC, id);
CREATE TABLE huey_counter (
    queue text NOT NULL, key text NOT NULL, value bigint NOT NULL DEFAULT 0, PRIMARY KEY (queue, key));
"""

_TABLES = (
    "huey_counter",
    "huey_task",
    "huey_schedule",
    "huey_kv",
    "job_worker",
    "job_share",
    "job_history",
    "job_checkpoint",
    "job_step",
    "job",
)


def upgrade() -> None:
    """Make the tables, the line and the rights; workers look for work over all tenants."""
    for statements in (_JOBS, _STEPS, _LEARNED, _LINE, _HUEY):
        op.execute(statements)
    protect("job", worker_sees_all=True)
    protect("job_step", worker_sees_all=True)
    protect("job_checkpoint")
    grant("job", web="SELECT, INSERT, UPDATE", worker="SELECT, INSERT, UPDATE")
    grant("job_step", web="SELECT, INSERT, UPDATE", worker="SELECT, INSERT, UPDATE")
    grant("job_checkpoint", worker="SELECT, INSERT, UPDATE, DELETE")
    grant("job_history", web="SELECT", worker="SELECT, INSERT, DELETE")
    grant("job_share", worker="SELECT, INSERT, UPDATE, DELETE")
    grant("job_worker", web="SELECT", worker="SELECT, INSERT, UPDATE, DELETE")
    op.execute("REVOKE ALL ON job_line FROM PUBLIC")
    grant("job_line", worker="SELECT")
    grant_execute("job_share_left(double precision, timestamptz)", worker=True)
    grant_execute("job_places()", web=True, worker=True)
    for table in ("huey_task", "huey_schedule"):
        grant(table, web="INSERT", worker="SELECT, INSERT, UPDATE, DELETE")
        grant(f"SEQUENCE {table}_id_seq", web="USAGE", worker="USAGE")
    for table in ("huey_kv", "huey_counter"):
        grant(table, worker="SELECT, INSERT, UPDATE, DELETE")


def downgrade() -> None:
    """Take all of it away."""
    op.execute("DROP FUNCTION job_places()")
    op.execute("DROP VIEW job_line")
    op.execute("DROP FUNCTION job_share_left(double precision, timestamptz)")
    for table in _TABLES:
        op.execute(f"DROP TABLE {table}")
