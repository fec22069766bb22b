"""Attempts from where our processes stand: in a sandbox that has, line by line, what the unit itself has."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from appliance.egress.errors import ProbeFailed
from appliance.egress.model import Attempt, Confinement, Outcome, Probe

ACCOUNTS = ("hangjegyzet", "postgres")
PATIENCE_S = 60.0
IDENTIFIER = "hangjegyzet-egress-probe"
AT_ONCE = 8
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
        sandboxes: dict[str, Sequence[str]] = {"root": ()}
        if everybody:
            sandboxes |= {f"account {name}": (f"User={name}", f"Group={name}") for name in ACCOUNTS}
            sandboxes |= {name: sandbox_of(_systemctl("cat", name)) for name in self._names()}
        asked: list[list[str | int]] = [[probe.protocol, probe.address, probe.port] for probe in probes]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            told = {asker: pool.submit(self._ask, asker, lines, asked) for asker, lines in sandboxes.items()}
            answers = {asker: answer.result() for asker, answer in told.items()}
        return [one for asker, answer in answers.items() for one in read_answers(asker, probes, answer)]

    def filter_enforced(self) -> bool | None:
        """Whether systemd's filter of addresses stops what nothing else does: a connection to this machine itself."""
        try:
            answer = self._ask("filter", ("IPAddressDeny=any",), [["self", "127.0.0.1", 0]])
            ((outcome, _),) = json.loads(answer)
        except (ProbeFailed, ValueError):
            return None
        return None if outcome == Outcome.BROKEN else outcome != Outcome.ANSWERED

    def _names(self) -> Sequence[str]:
        if self._units is None:
            listed = _systemctl("list-units", "--all", "--type=service", "--plain", "--no-legend", "hangjegyzet*")
            self._units = sorted(line.split()[0] for line in listed.splitlines() if line.split())
        return self._units

    def _ask(self, asker: str, sandbox: Sequence[str], asked: Sequence[Sequence[str | int]]) -> str:
        """What the probing program says, started by systemd in this sandbox and in nothing of ours."""
        command = [self._python, "-I", "-m", "appliance.egress.probing", json.dumps(asked, separators=(",", ":"))]
        try:
            return run_apart(command, sandbox)
        except subprocess.CalledProcessError as error:
            last = (error.stderr or "").strip().splitlines()[-1:]
            raise ProbeFailed(asker=asker, reason=last[0] if last else f"exit code {error.returncode}") from error
        except (OSError, subprocess.SubprocessError) as error:
            raise ProbeFailed(asker=asker, reason=type(error).__name__) from error


def run_apart(command: Sequence[str], properties: Sequence[str]) -> str:
    """What a command prints that systemd starts, with these properties and none of the caller's rights or limits.

    Raises:
        OSError, SubprocessError: it could not be started, or failed.
    """
    given = [f"--property={line}" for line in ("DefaultDependencies=no", f"SyslogIdentifier={IDENTIFIER}", *properties)]
    start = ["systemd-run", "--quiet", "--collect", "--wait", "--pipe", "--service-type=exec", *given, "--"]
    done = subprocess.run(
        [*start, *command],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
        cwd="/",
        stdin=subprocess.DEVNULL,
    )
    return done.stdout


def sandbox_of(unit: str) -> Sequence[str]:
    """The lines of ``systemctl cat`` that say what the unit's process may do, in their order."""
    kept: list[str] = []
    inside = False
    for line in unit.replace("\\\n", " ").splitlines():
        text = line.strip()
        if text.startswith("["):
            inside = text == "[Service]"
        elif inside and "=" in text and text.startswith(SANDBOX_KEYS):
            kept += _one_by_one(text)
    return kept


def _one_by_one(line: str) -> Sequence[str]:
    """As ``systemd-run`` takes it: names such as ``localhost`` only alone, one family of sockets rather than none."""
    if line == "RestrictAddressFamilies=none":
        return ["RestrictAddressFamilies=AF_UNIX"]
    key, _, value = line.partition("=")
    return [f"{key}={word}" for word in value.split()] if key.startswith("IPAddress") and value else [line]


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


def _show(name: str) -> Mapping[str, str]:
    shown = _systemctl("show", f"--property={_SHOWN}", name)
    return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


def _systemctl(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["systemctl", *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE_S,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ProbeFailed(asker="systemd", reason=f"systemctl {arguments[0]}: {type(error).__name__}") from error
    return done.stdout
