"""Releases that no commit is: this commit as another version, with migrations more, good or bad; made once and kept."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.appliance.machines import ROOT, Stick, made_once, stick_of

_MIGRATION = '''"""{title}

Locks: for an instant. Duration: under a second.
"""

from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """{title}"""
    op.execute("""{up}""")


def downgrade() -> None:
    """Take it back."""
    op.execute("""{down}""")
'''

ADDS = ("Adds a table.", "CREATE TABLE trial_note (id bigserial PRIMARY KEY, what text)", "DROP TABLE trial_note")
DESTROYS = (
    "Drops what the portal cannot do without.",
    "ALTER TABLE meeting DROP COLUMN title_sealed; DROP TABLE job_history",
    "SELECT 1",
)
KEEPS = ("Adds a column.", "ALTER TABLE trial_note ADD COLUMN at timestamptz", "ALTER TABLE trial_note DROP COLUMN at")
LOSES = ("Forgets who did what.", "DELETE FROM user_session", "SELECT 1")


def release(name: str, stick: Stick, *, version: str, migrations: Sequence[tuple[str, str, str]], seq: int) -> Stick:
    """The bundle of this commit as ``version``, with migrations behind the last one."""
    with made_once("variants", f"{stick.sha256[:12]}-{name}") as (folder, partial):
        if partial is not None:
            overlay = partial / "overlay"
            _write(overlay / "appliance/migrations/versions", migrations)
            command = [
                sys.executable, "-m", "images.bundle", "--out", str(partial), "--revision", _commit(stick),
                "--as-version", version, "--overlay", str(overlay), "--release-seq", str(seq),
                "--debs-from", str(stick.folder / "debs"),
            ]  # fmt: skip
            subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
            (built,) = partial.glob("*.tar")
            stick_of(built, partial / "unpacked")
    (built,) = folder.glob("*.tar")
    (inside,) = (folder / "unpacked").iterdir()
    return Stick(built, inside)


def _write(folder: Path, migrations: Sequence[tuple[str, str, str]]) -> None:
    before = max(path.name[:4] for path in (ROOT / "appliance/migrations/versions").glob("[0-9]*.py"))
    folder.mkdir(parents=True)
    for number, (title, up, down) in enumerate(migrations, 9000):
        text = _MIGRATION.format(title=title, revision=number, before=before, up=up, down=down)
        (folder / f"{number}_trial.py").write_text(text, encoding="utf-8")
        before = str(number)


def _commit(stick: Stick) -> str:
    """The commit that a bundle was made of."""
    manifest = (stick.folder / "manifest.json").read_text(encoding="utf-8")
    return manifest.partition('"commit": "')[2][:40]
