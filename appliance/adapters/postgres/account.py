"""Whom the server runs as: never root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import structlog

from appliance.database.errors import NoServerAccount

log = structlog.get_logger(__name__)

CANDIDATES = ("hangjegyzet", "postgres")
"""Tried in this order when root starts the server and no user is set."""


class SubprocessOptions(TypedDict, total=False):
    """The part of ``subprocess``'s arguments that names a user."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """The operating-system user of the server; ``changes_user`` when we are root and step down to it."""

    name: str
    uid: int
    gid: int
    changes_user: bool

    def may_pass(self, folder: Path) -> bool:
        """Whether the user can enter the folder: asked of the system itself, so that ACLs and mounts count."""
        if not self.changes_user:
            return os.access(folder, os.X_OK)
        probe = subprocess.run(
            ["/bin/sh", "-c", 'test -d "$1" -a -x "$1"', "sh", str(folder)],
            cwd="/",
            check=False,
            **self.subprocess_options(),
        )
        return probe.returncode == 0

    def subprocess_options(self) -> SubprocessOptions:
        """Arguments for ``subprocess`` that make the child run as the user."""
        if not self.changes_user:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give a file or folder of ours to the user."""
        if self.changes_user:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def choose_account(wanted: str | None) -> ServerAccount:
    """Find an unprivileged user: ourselves, or when we are root the one set, ``hangjegyzet`` or ``postgres``.

    Raises:
        NoServerAccount: we are root and none of them exists, or the one that is set is root again.
    """
    if os.geteuid() != 0:
        ourselves = pwd.getpwuid(os.geteuid())
        return ServerAccount(ourselves.pw_name, ourselves.pw_uid, ourselves.pw_gid, changes_user=False)
    candidates = (wanted,) if wanted else CANDIDATES
    for name in candidates:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return ServerAccount(entry.pw_name, entry.pw_uid, entry.pw_gid, changes_user=True)
    raise NoServerAccount(candidates=" or ".join(candidates))


def account_for(cluster: Path, wanted: str | None) -> ServerAccount:
    """The user for a cluster: its owner once it exists, whoever was added to the machine since; else a chosen one.

    Raises:
        NoServerAccount: as ``choose_account``.
    """
    if os.geteuid() != 0 or not cluster.is_dir() or cluster.stat().st_uid == 0:
        return choose_account(wanted)
    owner = pwd.getpwuid(cluster.stat().st_uid)
    if wanted and wanted != owner.pw_name:
        log.warning("database_keeps_its_user", user=owner.pw_name, wanted=wanted)
    return ServerAccount(owner.pw_name, owner.pw_uid, owner.pw_gid, changes_user=True)


def ourselves() -> str:
    """Name of the user that this process runs as."""
    return pwd.getpwuid(os.geteuid()).pw_name
