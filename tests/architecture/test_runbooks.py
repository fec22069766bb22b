"""Whoever is woken by a finding finds its page: one per check, all in the same order, all in the manual's list."""

import re
from pathlib import Path

from appliance.entry.health import open_health
from appliance.settings import Settings

ROOT = Path(__file__).parents[2]
MANUAL = ROOT / "docs" / "operator-manual"
RUNBOOKS = sorted((MANUAL / "runbooks").glob("*.md"))
PARTS = ["What it means", "How bad", "What to look at", "What to do", "How to know it is over"]
LONGEST_LINES = 70
"""More than a technician reads at night."""


def test_every_check_has_a_runbook() -> None:
    """A finding without a page leaves somebody alone with it."""
    checks = set(open_health(Settings(data_dir=Path("/nonexistent"))).names())
    assert checks
    assert checks - {path.stem for path in RUNBOOKS} == set()


def test_every_runbook_has_the_same_parts() -> None:
    """One knows where to look before one has read it; and it is short."""
    for path in RUNBOOKS:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.stem}"), path.stem
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == PARTS, path.stem
        assert len(text.splitlines()) <= LONGEST_LINES, path.stem
        parts = re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]
        assert all(len(part.strip()) > 20 for part in parts), path.stem


def test_the_manual_lists_every_runbook() -> None:
    """With what it is about."""
    listed = re.findall(r"\| \[([\w-]+)\]\(runbooks/([\w-]+)\.md\) \| .+ \|", (MANUAL / "README.md").read_text("utf-8"))
    assert listed == [(path.stem, path.stem) for path in RUNBOOKS]
