"""The import contracts hold, and can fail."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINTER = ROOT / ".venv" / "bin" / "lint-imports"

PLANTED = {
    "a door in the house": ("appliance/kernel/planted.py", "import typer\n"),
    "a higher room": ("appliance/audit/planted.py", "from appliance.minutes import model\n"),
    "an engine outside adapters": ("appliance/transcripts/planted.py", "import faster_whisper\n"),
    "a framework in a model": ("appliance/meetings/model.py", "import sqlalchemy\n"),
    "a table at a door": ("web/planted.py", "from appliance.meetings import tables\n"),
    "one door in another": ("tui/planted.py", "import web.app\n"),
    "the portal in a command": ("cli/planted.py", "import web.app\n"),
    "a service in an adapter": ("appliance/adapters/planted.py", "from appliance.meetings import service\n"),
    "furniture upside down": ("appliance/meetings/model.py", "from appliance.meetings import service\n"),
}


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(LINTER), "--no-cache"], cwd=root, capture_output=True, text=True, check=False)


def test_the_contracts_hold():
    """No import goes up, sideways, or past a port."""
    verdict = lint(ROOT)
    assert verdict.returncode == 0, verdict.stdout


@pytest.mark.slow
@pytest.mark.parametrize("violation", PLANTED, ids=str)
def test_a_planted_violation_is_found(tmp_path: Path, violation: str):
    """Each contract catches the import that it is there for."""
    for name in ("appliance", "web", "cli", "tui"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "vendor", "static"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    file, line = PLANTED[violation]
    target = tmp_path / file
    target.write_text(
        (target.read_text(encoding="utf-8") if target.exists() else '"""Planted."""\n') + line, encoding="utf-8"
    )
    verdict = lint(tmp_path)
    assert verdict.returncode != 0
    assert "planted" in verdict.stdout or Path(file).stem in verdict.stdout
