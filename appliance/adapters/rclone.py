"""Further places for backups: a mounted share, an SFTP server, an S3-compatible store, all by Debian's ``rclone``.

What a place needs to let us in is in files of their own and reaches rclone through its environment, never through its
command line. Nothing is configured for the user who runs it.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from appliance.backups.errors import DepotFull, TargetFull, TargetInvalid, TargetUnreachable
from appliance.backups.mounts import complaint
from appliance.kernel.units import format_bytes

SECRETS = Path("/etc/hangjegyzet/secrets")
TRUST = Path("/etc/hangjegyzet/trust")
OVERLAP = timedelta(minutes=5)
"""Looked at twice: a file may have got its name a little after its time."""
LAST = ("pgbackrest/backup/*/backup.info*", "pgbackrest/archive/*/archive.info*", "sets/**", "shredded", "SHA256SUMS")
"""What says that something is there: sent after what it speaks of."""
OURS_ALONE = (".lock", "state.json", "*.partial", "*.partial/**", "*.new", "lost+found/**", "replaced-*/**")
LIMIT_S = 12 * 3600

_FULL = (
    "no space left on device",
    "too big for remaining disk space",
    "disk quota exceeded",
    "quotaexceeded",
    "insufficient storage",
    "xminiostoragefull",
)


@dataclass(frozen=True, slots=True)
class Place:
    """How rclone calls a target, and what it needs to get there."""

    name: str
    path: str
    environment: Mapping[str, str]
    mount: Path | None = None

    def at(self, inside: str) -> str:
        """The name of something inside."""
        return f"{self.path.rstrip('/')}/{inside}" if inside else self.path


def place(name: str, url: str, *, secrets: Path = SECRETS, trust: Path = TRUST) -> Place:
    """What a target's URL means.

    ::

        file:///mnt/nas/backups                     a path on a mounted disk or share
        sftp://USER@ADDRESS:PORT/PATH               secrets/target-NAME is the private key, trust/target-NAME the host's
        s3://ADDRESS:PORT/BUCKET/PREFIX             secrets/target-NAME has key id and secret, a line each

    Raises:
        TargetInvalid: it is none of these.
    """
    parts = urlsplit(url)
    path = unquote(parts.path)
    match parts.scheme:
        case "file" if path.startswith("/") and not parts.netloc:
            return Place(name, path, {}, mount=Path(path))
        case "sftp" if parts.username and parts.hostname and path.strip("/"):
            return Place(name, f"place:{path}", _sftp(name, parts.hostname, parts.port, parts.username, secrets, trust))
        case "s3" if parts.hostname and path.strip("/"):
            return Place(name, f"place:{path.strip('/')}", _s3(name, parts.hostname, parts.port, url, secrets, trust))
    raise TargetInvalid(target=name, reason="it is no file:///PATH, sftp://USER@ADDRESS/PATH or s3://ADDRESS/BUCKET")


class RcloneTarget:
    """``CopyTarget`` over one place."""

    def __init__(self, there: Place) -> None:
        self._place = there

    @property
    def name(self) -> str:
        """As the port says."""
        return self._place.name

    def send_all(self, folder: Path, *, forget: bool) -> None:
        """As the port says."""
        self.require_mounted(is_written=True)
        self._copy(folder, *_excluding(*OURS_ALONE, *LAST))
        self._copy(folder, *_excluding(*OURS_ALONE))
        if forget:
            self._run("sync", str(folder), self._place.at(""), "--delete-after", *_excluding(*OURS_ALONE))

    def send_new(self, folder: Path, *, since: datetime | None) -> None:
        """As the port says."""
        self.require_mounted(is_written=True)
        recent = [] if since is None else [f"--max-age={_age(since)}", "--no-traverse"]
        for inside in ("pgbackrest/archive", "blobs"):
            if (folder / inside).is_dir():
                self._run("copy", str(folder / inside), self._place.at(inside), *recent, *_excluding(*OURS_ALONE))
        if (folder / "shredded").exists():
            self._run("copyto", str(folder / "shredded"), self._place.at("shredded"))

    def fetch(self, folder: Path) -> None:
        """As the port says."""
        self.require_mounted()
        self._run("copy", self._place.at(""), str(folder), *_excluding(*OURS_ALONE), into=folder)

    def fetch_only(self, folder: Path, *inside: str) -> None:
        """Copy some of its folders and files."""
        self.require_mounted()
        wanted = [part for one in inside for part in ("--include", f"/{one}/**", "--include", f"/{one}")]
        self._run("copy", self._place.at(""), str(folder), *wanted, into=folder)

    def set_ids(self) -> list[str]:
        """Names of the folders of its sets.

        Raises:
            TargetUnreachable.
        """
        self.require_mounted()
        listed = self._run("lsjson", self._place.at("sets"), "--dirs-only")
        return sorted(entry["Name"] for entry in json.loads(listed or "[]"))

    def _copy(self, folder: Path, *arguments: str) -> None:
        self._run("copy", str(folder), self._place.at(""), *arguments)

    def require_mounted(self, *, is_written: bool = False) -> None:
        """A share that is not mounted is an empty folder on our own disk, and one that hangs would hold us.

        Raises:
            TargetUnreachable: it cannot be used, and why.
        """
        if self._place.mount is not None and (reason := complaint(self._place.mount, is_written=is_written)):
            raise TargetUnreachable(target=self.name, reason=reason)

    def _run(self, verb: str, *arguments: str, into: Path | None = None) -> str:
        command = ["rclone", verb, *arguments, "--config=/dev/null", "--retries=3", "--low-level-retries=3"]
        command += ["--contimeout=10s", "--timeout=60s", "--transfers=4", "--use-json-log", "--log-level=ERROR"]
        environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", **self._place.environment}
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                env=environment,
                timeout=LIMIT_S,
                check=False,
                cwd="/",
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as late:
            reason = f"rclone {verb} took longer than {LIMIT_S // 3600} hours"
            raise TargetUnreachable(target=self.name, reason=reason) from late
        if done.returncode != 0:
            raise self._failure(done.stderr, into)
        return done.stdout

    def _failure(self, said: str, into: Path | None) -> Exception:
        reason = _last_message(said)
        if any(word in said.lower() for word in _FULL):
            if into is not None:
                return DepotFull(place=into, free="nothing", needed="more than that")
            return TargetFull(target=self.name)
        return TargetUnreachable(target=self.name, reason=reason)


def mounted_space(there: Place) -> str:
    """Room on a mounted place, for people; empty for others."""
    if there.mount is None:
        return ""
    import shutil

    return format_bytes(shutil.disk_usage(there.mount).free)


def _sftp(name: str, host: str, port: int | None, user: str, secrets: Path, trust: Path) -> Mapping[str, str]:
    return {
        "RCLONE_CONFIG_PLACE_TYPE": "sftp",
        "RCLONE_CONFIG_PLACE_HOST": host,
        "RCLONE_CONFIG_PLACE_PORT": str(port or 22),
        "RCLONE_CONFIG_PLACE_USER": user,
        "RCLONE_CONFIG_PLACE_KEY_FILE": str(secrets / f"target-{name}"),
        "RCLONE_CONFIG_PLACE_KNOWN_HOSTS_FILE": str(trust / f"target-{name}"),
        "RCLONE_CONFIG_PLACE_SHELL_TYPE": "none",
        "RCLONE_CONFIG_PLACE_DISABLE_HASHCHECK": "true",
    }


def _s3(name: str, host: str, port: int | None, url: str, secrets: Path, trust: Path) -> Mapping[str, str]:
    key_id, secret = _credentials(name, secrets / f"target-{name}")
    authority = trust / f"target-{name}"
    literal = f"[{host}]" if ":" in host else host
    return {
        "RCLONE_CONFIG_PLACE_TYPE": "s3",
        "RCLONE_CONFIG_PLACE_PROVIDER": "Other",
        "RCLONE_CONFIG_PLACE_ENDPOINT": f"https://{literal}:{port or 443}",
        "RCLONE_CONFIG_PLACE_ACCESS_KEY_ID": key_id,
        "RCLONE_CONFIG_PLACE_SECRET_ACCESS_KEY": secret,
        "RCLONE_CONFIG_PLACE_REGION": "us-east-1",
        "RCLONE_CONFIG_PLACE_FORCE_PATH_STYLE": "true",
        **({"RCLONE_CA_CERT": str(authority)} if authority.exists() else {}),
    }


def _credentials(name: str, path: Path) -> tuple[str, str]:
    try:
        lines = path.read_text("ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise TargetInvalid(target=name, reason=f"{path} with its key id and secret cannot be read") from error
    if len(lines) != 2:
        raise TargetInvalid(target=name, reason=f"{path} has not two lines: the key id, and the secret")
    return lines[0], lines[1]


def _excluding(*patterns: str) -> list[str]:
    return [part for pattern in patterns for part in ("--exclude", pattern)]


def _age(since: datetime) -> str:
    return f"{int((datetime.now(UTC) - since + OVERLAP).total_seconds())}s"


def _last_message(said: str) -> str:
    messages = []
    for line in said.splitlines():
        try:
            messages.append(str(json.loads(line)["msg"]))
        except (ValueError, KeyError, TypeError):
            messages.append(line)
    return " ".join(messages[-1].split())[:500] if messages else "rclone gave no reason"
