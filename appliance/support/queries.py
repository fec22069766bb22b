"""Figures about work and about who must not be named: counts for the maker, names for the redactor."""

from typing import Any

from sqlalchemy import text

from appliance.database.engine import Tx

_JOBS = text(
    "SELECT kind, state, coalesce(failure_code, '') AS failure, count(*) AS jobs, min(created_at)::date AS first,"
    " max(created_at)::date AS last FROM job GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
)
_STEPS = text(
    "SELECT name, queue, state, coalesce(failure_code, '') AS failure, count(*) AS steps FROM job_step"
    " GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
)
_PACE = text(
    "SELECT kind, step, count(*) AS runs, round(sum(work_s)::numeric, 1)::float AS work_s,"
    " round(sum(audio_s)::numeric, 1)::float AS audio_s FROM job_history GROUP BY 1, 2 ORDER BY 1, 2"
)
_PEOPLE = text("SELECT email, name FROM user_account")
_ORGANISATIONS = text("SELECT name FROM tenant")


def job_figures(tx: Tx) -> dict[str, list[dict[str, Any]]]:
    """How much work there was, by state and kind of failure; no title, no person, no meeting."""
    queries = {"jobs": _JOBS, "steps": _STEPS, "pace": _PACE}
    return {name: [_plain(row._asdict()) for row in tx.execute(query)] for name, query in queries.items()}


def people(tx: Tx) -> tuple[list[str], list[str]]:
    """Names and e-mail addresses that must not leave: of accounts, and the organisation's."""
    found = tx.execute(_PEOPLE).all()
    organisations = [row.name for row in tx.execute(_ORGANISATIONS)]
    return [*(row.name for row in found), *organisations], [row.email for row in found]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, int | float) else str(value) for name, value in row.items()}
