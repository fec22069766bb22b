"""The rules of the house that a linter does not know."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("appliance", "web", "cli", "tui")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
NAMES_TO_REFUSE = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
TEXTS = ("*.py", "*.md", "*.toml", "*.sh", "*.j2", "*.html", "*.js", "*.css", "*.yml", "*.json", "Makefile")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def project_texts() -> list[Path]:
    skipped = {".venv", ".tools", "node_modules", ".demo", "vendor", ".git"}
    found = {path for pattern in TEXTS for path in ROOT.rglob(pattern)}
    return sorted(path for path in found if not skipped & set(path.relative_to(ROOT).parts))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_what_it_is_for(path: Path):
    """Every module opens with a docstring."""
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_no_module_is_a_drawer_for_odds_and_ends():
    """Names such as utils say nothing about what is inside."""
    assert not [name_of(path) for path in MODULES if path.stem in NAMES_TO_REFUSE]


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_a_test_is_one_sentence_about_behaviour(path: Path):
    """Every test function has a docstring that says what must hold."""
    functions = [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
    ]
    silent = [node.name for node in functions if node.name.startswith("test_") and not ast.get_docstring(node)]
    assert not silent


def test_the_order_of_rooms_names_every_room():
    """A room that the layers do not name would escape them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract for contract in contracts if contract.get("exhaustive"))["layers"]
    named = {room.strip() for layer in layers for room in layer.split("|")}
    rooms = {
        path.stem for path in (ROOT / "appliance").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - {"__init__"} == named


def test_the_project_names_no_path_of_a_builder_s_machine():
    """A path that exists on one machine only has no place in the sources."""
    machine_path = re.compile(r"(?<![\w.])/(?:work|farm|root|home)/[a-z]")
    found = [
        f"{name_of(path)}:{number}"
        for path in project_texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if machine_path.search(line)
    ]
    assert not found


def test_every_lint_exception_has_its_reason():
    """A switched-off rule says why, on its line."""
    silent = re.compile(r"#\s*(noqa|type:\s*ignore)(:\s*[\w\d, ]+|\[[\w\-, ]+\])?\s*$")
    found = [
        f"{name_of(path)}:{number}"
        for path in MODULES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if silent.search(line)
    ]
    assert not found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_child_is_given_a_terminal_by_chance(path: Path):
    """Each says what a child reads: systemd-run that is given the console's terminal resets it, and no key is heard."""
    begun = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"subprocess.run", "subprocess.Popen"}
    ]
    said = [{keyword.arg for keyword in node.keywords} for node in begun]
    assert [node.lineno for node, words in zip(begun, said, strict=True) if not words & {"stdin", "input", None}] == []
