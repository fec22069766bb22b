"""A bundle that is not quite its commit: another version, a file more. For tests of upgrades, and never for anybody."""

import re
import shutil
from pathlib import Path

from appliance.kernel.errors import Refused
from appliance.releases.model import Grade, Version
from appliance.releases.trust import STATEMENT_NAME
from images.bundle.sealing import Signer


class VariantNotSigned(Refused):
    code = "bundle.variant_not_signed"
    message = "A variant is signed with throw-away keys alone, and these are of grade {grade}."
    hint = "Leave --keys out."


def require_throw_away(signer: Signer) -> None:
    """Let nobody sign with a key that people believe what no commit holds.

    Raises:
        VariantNotSigned
    """
    statement = next(path for path in signer.public_files if path.name == STATEMENT_NAME)
    grade = re.search(r'"grade": "(\w+)"', statement.read_text(encoding="utf-8"))
    if grade is None or grade[1] != Grade.DEVELOPMENT:
        raise VariantNotSigned(grade=grade[1] if grade else "unknown")


def vary(source: Path, *, version: Version | None, overlay: Path | None) -> None:
    """Change an exported project: its version, and files that lie over its own."""
    if version is not None:
        project = source / "pyproject.toml"
        text = project.read_text(encoding="utf-8")
        project.write_text(re.sub(r'(?m)^version = ".+"$', f'version = "{version}"', text, count=1), encoding="utf-8")
    if overlay is not None:
        shutil.copytree(overlay, source, dirs_exist_ok=True)
