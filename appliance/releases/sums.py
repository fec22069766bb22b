"""SHA256SUMS: one line per file as ``sha256sum`` writes it, sorted, so that ``sha256sum --check`` reads it too."""

import re
from collections.abc import Mapping

from appliance.releases.model import MAX_FILES, is_plain_path

SUMS_NAME = "SHA256SUMS"
SIGNATURE_NAME = "SHA256SUMS.sig"
MAX_SUMS_BYTES = 8 << 20

_line = re.compile(r"([0-9a-f]{64})  (.+)")


def write_sums(sums: Mapping[str, str]) -> bytes:
    """The file that lists ``sums`` (path → sha256)."""
    return "".join(f"{sums[path]}  {path}\n" for path in sorted(sums)).encode("ascii")


def read_sums(data: bytes) -> dict[str, str]:
    """Path → sha256 of every listed file.

    Raises:
        ValueError: it is not in the one form that we write.
    """
    if len(data) > MAX_SUMS_BYTES:
        raise ValueError("it is too large")
    sums: dict[str, str] = {}
    for number, line in enumerate(data.decode("ascii").splitlines(), 1):
        match = _line.fullmatch(line)
        if match is None or not is_plain_path(match[2]) or match[2] in (SUMS_NAME, SIGNATURE_NAME):
            raise ValueError(f"line {number} is not a checksum and a plain path")
        sums[match[2]] = match[1]
    if not sums or len(sums) > MAX_FILES:
        raise ValueError(f"it lists {len(sums)} files")
    if write_sums(sums) != data:
        raise ValueError("it is not sorted, or lists a file twice")
    return sums
