"""A bundle as data: which parts, from which collectors, within which limits, and what was taken out of each."""

import io
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from appliance.kernel.units import KIB
from appliance.support.redaction import Redactor

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Collector:
    """One thing that may be collected; what is on no list is not.

    Args:
        name: of the part, a file's name.
        title: what it is, for whoever looks at the bundle before it leaves.
        collect: gives the part as it may be told; hands everything through the redactor.
        max_bytes: what is longer is cut at its beginning: the end tells what happened last.
        max_s: how long it may take.
    """

    name: str
    title: str
    collect: Callable[[Redactor], str]
    max_bytes: int = 256 * KIB
    max_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Part:
    """What a collector gave, or why it gave nothing."""

    name: str
    title: str
    text: str
    took_s: float
    trouble: str = ""
    cut: bool = False
    redacted: Mapping[str, int] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Its size."""
        return len(self.text.encode())


@dataclass(frozen=True, slots=True)
class Bundle:
    """All parts, and what somebody should know before it leaves."""

    at: datetime
    version: str
    keep_addresses: bool
    parts: tuple[Part, ...]

    def report(self) -> dict[str, Any]:
        """What was taken out, by part and kind; no original is in it."""
        return {
            "format": FORMAT,
            "at": self.at.isoformat(),
            "version": self.version,
            "addresses": "kept" if self.keep_addresses else "pseudonyms",
            "parts": [
                {
                    "name": part.name,
                    "title": part.title,
                    "bytes": part.bytes,
                    "took_s": round(part.took_s, 3),
                    "cut": part.cut,
                    "trouble": part.trouble,
                    "redacted": dict(sorted(part.redacted.items())),
                }
                for part in self.parts
            ],
        }

    def archive(self) -> bytes:
        """The bundle as a tar archive: each part, and ``redaction.json``."""
        files = {part.name: part.text for part in self.parts}
        files["redaction.json"] = json.dumps(self.report(), indent=2, ensure_ascii=False) + "\n"
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for name, text in sorted(files.items()):
                data = text.encode()
                member = tarfile.TarInfo(name)
                member.size, member.mtime, member.mode = len(data), int(self.at.timestamp()), 0o600
                tar.addfile(member, io.BytesIO(data))
        return buffer.getvalue()
