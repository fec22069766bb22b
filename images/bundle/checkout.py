"""What is built: one commit, and nothing that happens to lie in the working tree."""

import re
import subprocess
import tarfile
import tomllib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from appliance.releases.model import SUPPORTED_STEPS, SchemaRange, Version

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Checkout:
    """A commit of this project.

    ``epoch`` is the commit's own time: it stands for the time of every file that is built from it. ``ancestors`` is the
    number of commits up to it, which only grows along a line of releases.
    """

    commit: str
    epoch: int
    ancestors: int
    has_other_changes: bool

    @classmethod
    def of(cls, revision: str = "HEAD") -> "Checkout":
        """The commit that ``revision`` names."""
        commit, epoch = _git("log", "-1", "--format=%H %ct", revision).split()
        count = int(_git("rev-list", "--count", commit))
        changed = bool(_git("status", "--porcelain", "--untracked-files=no").strip())
        return cls(commit, int(epoch), count, changed)

    def export(self, folder: Path, *paths: str) -> None:
        """Write the commit's files into ``folder``."""
        data = subprocess.run(
            ["git", "archive", "--format=tar", self.commit, *paths], cwd=ROOT, capture_output=True, check=True
        ).stdout
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=BytesIO(data)) as archive:
            archive.extractall(folder)  # noqa: S202  # our own commit


def version_of(folder: Path) -> Version:
    """The version that the exported project has.

    Raises:
        ValueError: it is none of the form that releases have.
    """
    return Version.parse(tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def oldest_predecessor(version: Version) -> Version:
    """The oldest version that this one follows, unless the release says otherwise: two minor versions back."""
    return min(version, max(Version(0, 1, 0), Version(version.major, max(0, version.minor - SUPPORTED_STEPS), 0)))


def schema_of(folder: Path) -> SchemaRange:
    """The revisions that the exported project can bring a database from and to."""
    versions = folder / "appliance" / "migrations" / "versions"
    numbers = sorted(match[0] for path in versions.glob("*.py") if (match := re.match(r"\d{4}", path.name)))
    return SchemaRange(oldest=numbers[0], newest=numbers[-1])


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout
