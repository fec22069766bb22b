"""What bears the product's name on this machine: looked for afterwards, to know that it is gone."""

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

PLACES = (
    "/opt/hangjegyzet",
    "/etc/hangjegyzet",
    "/var/lib/hangjegyzet*",
    "/var/backups/hangjegyzet",
    "/var/log/hangjegyzet*",
    "/usr/local/bin/hangjegyzet*",
    "/etc/systemd/system/hangjegyzet*",
    "/etc/systemd/system/*/*hangjegyzet*",
    "/etc/*/*hangjegyzet*",
    "/etc/systemd/*/*hangjegyzet*",
    "/etc/postgresql/*/hangjegyzet",
    "/var/lib/postgresql/*/hangjegyzet",
    "/var/log/postgresql/*hangjegyzet*",
    "/run/hangjegyzet*",
    "/tmp/hangjegyzet*",  # noqa: S108  # looked for, not written to
    "/var/tmp/hangjegyzet*",  # noqa: S108  # as above
)
DATA = (
    "/etc/hangjegyzet",
    "/var/lib/hangjegyzet*",
    "/var/backups/hangjegyzet",
    "/etc/postgresql/*",
    "/var/lib/postgresql/*",
)
"""What stays where data is kept."""


def remains(*, root: Path = Path("/"), kept: Iterable[str] = ()) -> Sequence[str]:
    """Files and folders that are there, but for those that are to be kept."""
    spared = set(_matching(root, kept))
    outside = (
        path for path in _matching(root, PLACES) if not spared & {path, *path.parents} and not _is_empty_mount(path)
    )
    return sorted({f"/{path.relative_to(root)}" for path in outside})


def stays(*, root: Path = Path("/")) -> Sequence[str]:
    """What of the data is there."""
    return sorted({f"/{path.relative_to(root)}" for path in _matching(root, DATA)})


def _is_empty_mount(path: Path) -> bool:
    """A file system of its own, which is the administrator's: emptied, and left to them."""
    return path.is_mount() and not any(one.name != "lost+found" for one in path.iterdir())


def _matching(root: Path, patterns: Iterable[str]) -> Iterable[Path]:
    return (path for pattern in patterns for path in root.glob(pattern.lstrip("/")))


def account_is_there() -> bool:
    """Whether the appliance's account exists."""
    return (
        subprocess.run(
            ["getent", "passwd", "hangjegyzet"], capture_output=True, check=False, stdin=subprocess.DEVNULL
        ).returncode
        == 0
    )


def rules_are_there() -> bool:
    """Whether the kernel has the appliance's table."""
    try:
        listed = subprocess.run(
            ["nft", "list", "table", "inet", "hangjegyzet"], capture_output=True, check=False, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        return False
    return listed.returncode == 0
