"""Attempts from where our processes stand: in a sandbox that has, line by line, what the unit itself has."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from appliance.egress.errors import ProbeFailed
from appliance.egress.model import Attempt, Confinement, Outcome, Probe

RUNTIME_UNITS = Path("/run/systemd/system")
ANSWERS = Path("/run/hangjegyzet-egress")
PREFIX = "hangjegyzet-egress-probe"
ACCOUNTS = ("hangjegyzet", "postgres")
PATIENCE_S = 60.0
IDENTIFIER = "hangjegyzet-egress-probe"
SANDBOX_KEYS = (
    "User", "Group", "SupplementaryGroups", "UMask", "NoNewPrivileges", "CapabilityBoundingSet", "AmbientCapabilities",
    "SecureBits", "Private", "Protect", "ProcSubset", "Restrict", "SocketBind", "SystemCall", "LockPersonality",
    "MemoryDenyWriteExecute", "RemoveIPC", "KeyringMode", "Device", "IPAddress", "IPIngress", "IPEgress",
    "NetworkNamespace", "ReadWritePaths", "ReadOnlyPaths", "InaccessiblePaths", "TemporaryFileSystem", "LimitCORE",
)  # fmt: skip
"""Directives, or beginnings of them, that say what a process may do; never those that hand it a secret or a folder."""
_SHOWN = "Id,User,RestrictAddressFamilies,IPAddressAllow,IPAddressDeny,PrivateNetwork,FragmentPath"


class SystemdAskers:
    """Root, our accounts, and every unit of ours that systemd has loaded.

    Args:
        units: names; None asks systemd.
        python: the interpreter that makes the attempts.
    """

    def __init__(self, units: Sequence[str] | None = None, *, python: str = sys.executable) -> None:
        self._units = units
        self._python = python

    def confinements(self) -> Sequence[Confinement]:
        """What each of our units may reach."""
        return [read_confinement(shown) for shown in map(_show, self._names())]

    def attempt(self, probes: Sequence[Probe], *, everybody: bool) -> Sequence[Attempt]:
        """Make all probes, as root alone or as everybody; all at once.

        Raises:
            ProbeFailed: they could not be made.
        """
        asked = json.dumps([[probe.protocol, probe.address, probe.port] for probe in probes], separators=(",", ":"))
        with ThreadPoolExecutor(len(ACCOUNTS) + 2) as pool:
            answers = {"root": pool.submit(self._as_account, None, asked)}
            if everybody:
                answers |= {f"account {name}": pool.submit(self._as_account, name, asked) for name in ACCOUNTS}
                in_units = pool.submit(self._in_units, asked).result()
            told = {asker: answer.result() for asker, answer in answers.items()}
        if everybody:
            told |= in_units
        return [one for asker, answer in told.items() for one in read_answers(asker, probes, answer)]

    def filter_enforced(self) -> bool | None:
        """Whether systemd's filter of addresses stops what nothing else does: a connection to this machine itself."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            asked = json.dumps([["tcp", "127.0.0.1", listener.getsockname()[1]]])
            unit = f"[Service]\nType=oneshot\nIPAddressDeny=any\nTimeoutStartSec=20\n{self._start(asked, 'filter')}"
            try:
                answers = self._run({"filter": unit})
            except ProbeFailed:
                return None
        ((outcome, _),) = json.loads(answers["filter"])
        return None if outcome == Outcome.BROKEN else outcome != Outcome.ANSWERED

    def _names(self) -> Sequence[str]:
        if self._units is None:
            listed = _systemctl("list-units", "--all", "--type=service", "--plain", "--no-legend", "hangjegyzet*")
            found = [line.split()[0] for line in listed.splitlines() if line.split()]
            self._units = sorted(name for name in found if not name.startswith(PREFIX))
        return self._units

    def _as_account(self, name: str | None, asked: str) -> str:
        drop = ["setpriv", f"--reuid={name}", f"--regid={name}", "--init-groups"] if name else []
        command = [*drop, self._python, "-I", "-m", "appliance.egress.probing", asked]
        try:
            return subprocess.run(
                command, capture_output=True, text=True, check=True, timeout=PATIENCE_S, cwd="/"
            ).stdout
        except (OSError, subprocess.SubprocessError) as error:
            raise ProbeFailed(asker=name or "root", reason=type(error).__name__) from error

    def _in_units(self, asked: str) -> Mapping[str, str]:
        names = self._names()
        texts = {
            name: f"[Service]\nType=oneshot\nTimeoutStartSec=30\n{sandbox_of(_systemctl('cat', name))}"
            + self._start(asked, name)
            for name in names
        }
        return self._run(texts)

    def _start(self, asked: str, name: str) -> str:
        quoted = asked.replace('"', '\\"')
        return (
            f'ExecStart={self._python} -I -m appliance.egress.probing "{quoted}"\n'
            f"SyslogIdentifier={IDENTIFIER}\nStandardOutput=truncate:{ANSWERS / _slug(name)}\n"
        )

    def _run(self, texts: Mapping[str, str]) -> Mapping[str, str]:
        """Start units of these texts, and give what each said."""
        with _runtime_units(texts) as units:
            done = subprocess.run(
                ["systemctl", "start", *units.values()], capture_output=True, text=True, check=False, timeout=PATIENCE_S
            )
            answers = {name: ANSWERS / _slug(name) for name in texts}
            said = {name: path.read_text() if path.exists() else "" for name, path in answers.items()}
        if done.returncode != 0 or not all(said.values()):
            silent = ", ".join(name for name, text in said.items() if not text)
            raise ProbeFailed(asker=silent or "one of the processes", reason="systemd could not start it")
        return said


def sandbox_of(unit: str) -> str:
    """The lines of ``systemctl cat`` that say what the unit's process may do, in their order."""
    kept, inside = [], False
    for line in unit.replace("\\\n", " ").splitlines():
        text = line.strip()
        if text.startswith("["):
            inside = text == "[Service]"
        elif inside and "=" in text and text.startswith(SANDBOX_KEYS):
            kept.append(text + "\n")
    return "".join(kept)


def read_confinement(shown: Mapping[str, str]) -> Confinement:
    """What ``systemctl show`` says of a unit."""
    families = shown.get("RestrictAddressFamilies", "")
    return Confinement(
        unit=shown["Id"],
        account=shown.get("User") or "root",
        families="any" if not families or families.startswith("~") else families,
        allowed=shown.get("IPAddressAllow", ""),
        denied=shown.get("IPAddressDeny", ""),
    )


def read_answers(asker: str, probes: Sequence[Probe], answer: str) -> Iterator[Attempt]:
    """What the probing program said, with what it was asked.

    Raises:
        ProbeFailed: it said something else.
    """
    try:
        said = [(Outcome(outcome), str(error)) for outcome, error in json.loads(answer)]
        pairs = list(zip(probes, said, strict=True))
    except (ValueError, TypeError, RecursionError) as error:
        raise ProbeFailed(asker=asker, reason="its answer cannot be read") from error
    for probe, (outcome, name) in pairs:
        yield Attempt(asker, probe, outcome, name)


@contextmanager
def _runtime_units(texts: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """Units that are there for the length of the block; by the name that they were given."""
    units = {name: f"{PREFIX}-{_slug(name)}.service" for name in texts}
    ANSWERS.mkdir(mode=0o700, exist_ok=True)
    RUNTIME_UNITS.mkdir(parents=True, exist_ok=True)
    try:
        for name, unit in units.items():
            (RUNTIME_UNITS / unit).write_text(f"[Unit]\nDescription=Tries to leave, as {name}\n{texts[name]}")
            (ANSWERS / _slug(name)).unlink(missing_ok=True)
        _systemctl("daemon-reload")
        yield units
    finally:
        for name, unit in units.items():
            (RUNTIME_UNITS / unit).unlink(missing_ok=True)
            (ANSWERS / _slug(name)).unlink(missing_ok=True)
        subprocess.run(["systemctl", "reset-failed", *units.values()], capture_output=True, check=False, timeout=20)
        _systemctl("daemon-reload")


def _show(name: str) -> Mapping[str, str]:
    shown = _systemctl("show", f"--property={_SHOWN}", name)
    return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


def _systemctl(*arguments: str) -> str:
    try:
        done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    except (OSError, subprocess.SubprocessError) as error:
        raise ProbeFailed(asker="systemd", reason=f"systemctl {arguments[0]}: {type(error).__name__}") from error
    return done.stdout


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.removesuffix(".service"))
