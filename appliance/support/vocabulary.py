"""Words that may be told: those of the release itself. A name, a title, a word that was said is hardly one of them.

What our own programs say about a machine is made of words that our sources, playbooks and documents hold. Everything
else in a sentence came from outside, and is withheld. The sample meetings are left out: people speak in them.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

WORD = re.compile(r"[^\W\d_]+")
SUFFIXES = (".py", ".md", ".j2", ".yml", ".toml", ".conf")
SPOKEN = ("samples", "phrases", "languages", "locales")
"""Folders with words that people say, or read."""
MAX_FILE_BYTES = 2_000_000
SYSTEM = """
active activating auto average boot bookworm cgroup cores cpu debian dead deactivating deactivated daemon
enabled disabled exited failed filesystem free gnu group inactive kernel listening linux loaded mem memory mount node
nvidia open peak
process reload reloading restart running scheduled signal slice socket start started starting static stop stopped
stopping succeeded success swap target tasks timer total unit used user version vendor watchdog with writing status code
main result exit killed dumped oom kill abort timeout core consumed time
ada geforce generation gpu gtx laptop mib quadro rtx super temperature tesla utilization
"""
"""What systemd, the kernel and drivers say."""


def words_of(folders: Iterable[Path]) -> frozenset[str]:
    """The words of a release, in small letters."""
    found = set(SYSTEM.split())
    for path in _texts(folders):
        found.update(word.casefold() for word in WORD.findall(path.read_text(encoding="utf-8", errors="ignore")))
    return frozenset(found)


def _texts(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            spoken = any(part in SPOKEN for part in path.relative_to(folder).parts)
            if path.suffix in SUFFIXES and not spoken and path.is_file() and path.stat().st_size <= MAX_FILE_BYTES:
                yield path
