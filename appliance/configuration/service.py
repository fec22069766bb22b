"""Use cases of the configuration: look at it, change a key, apply it, and go back when that fails."""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from appliance.configuration import document
from appliance.configuration.errors import ApplyBusy, ApplyFailed, ConfigurationMissing
from appliance.configuration.model import Change, Value, changes, effective, find, parse_value, problems
from appliance.configuration.ports import Machinery, Run, Task, TaskState

log = structlog.get_logger()

FIRST: Mapping[str, Value] = {
    "root_key_file": "/etc/hangjegyzet/secrets/root.key",
    "database.url": "postgresql:///hangjegyzet?host=/run/postgresql",
    "web.host": "::",
    "web.port": 443,
}
"""What an installed appliance has otherwise than a checkout: it answers the network, its root key is
root's, and systemd runs the server."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What a run did: counts of tasks, and what differs from what was applied before."""

    ok: int
    changed: int
    changes: tuple[Change, ...]


class ConfigurationService:
    """The machine's one configuration file.

    Args:
        file: ``appliance.toml``.
        applied_file: keeps a copy of what was applied last; a failed run puts it back.
    """

    def __init__(self, file: Path, *, applied_file: Path) -> None:
        self._file = file
        self._applied_file = applied_file

    def create(self) -> bool:
        """Write a first, commented file where there is none; true when that was so."""
        if self._file.exists():
            return False
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        document.write(self._file, document.commented(FIRST))
        return True

    def values(self) -> dict[str, Value]:
        """Every setting with the value that the file gives it.

        Raises:
            ConfigurationMissing, ConfigurationUnreadable, ConfigurationInvalid: there is no usable file.
        """
        return effective(document.read_valid(self._file))

    def get(self, key: str) -> Value:
        """One setting's value.

        Raises:
            UnknownKey, NotASetting: there is no such setting.
        """
        find(key)
        return self.values()[key]

    def set(self, key: str, text: str | None) -> Change | None:
        """Change one setting in the file, or take it out; what people wrote around it stays. Not yet applied.

        Returns:
            what has changed; None when it had that value already.

        Raises:
            UnknownKey, NotASetting: there is no such setting.
            ConfigurationInvalid: it cannot have this value; the file is as it was.
        """
        find(key)
        before = document.read_text(self._file)
        after = document.with_value(before, key, None if text is None else parse_value(key, text), path=self._file)
        document.write(self._file, after)
        was, becomes = document.parse(before, self._file), document.parse(after, self._file)
        if problems(was):
            return Change(key, None, effective(becomes)[key])
        return next(iter(changes(was, becomes)), None)

    def pending(self) -> tuple[Change, ...]:
        """What the file says otherwise than what was applied last; all of it when nothing was yet."""
        try:
            before = document.read_valid(self._applied_file)
        except ConfigurationMissing:
            before = {}
        return changes(before, document.read_valid(self._file))

    def apply(
        self,
        machinery: Machinery,
        *,
        release: tuple[Path, str],
        tell: Callable[[Task], object],
        allow: Callable[[Sequence[Change]], object] = lambda _: None,
    ) -> Applied:
        """Bring the machine into the declared state; when that fails, back into the one before.

        Args:
            release: the folder and the version of the release whose playbooks do it.
            tell: is told each task.
            allow: is asked about what changes before anything does; raises to refuse it. Not asked about the first
                configuration of a machine.

        Raises:
            ConfigurationMissing, ConfigurationUnreadable, ConfigurationInvalid: there is no usable file.
            ApplyBusy: another run is under way.
            ApplyFailed: a task failed; the error says which, why, and what the machine has now.
        """
        with self._alone():
            pending = self.pending()
            if self._applied_file.exists():
                allow(pending)
            try:
                ok, changed = self._run(machinery, release, tell)
            except ApplyFailed as failure:
                raise self._gone_back(machinery, release, tell, failure, pending) from failure
            document.write(self._applied_file, document.read_text(self._file))
        log.info("configuration_applied", ok=ok, changed=changed)
        return Applied(ok, changed, pending)

    def check(
        self, machinery: Machinery, *, release: tuple[Path, str], diff: bool, tell: Callable[[Task], object]
    ) -> Applied:
        """What ``apply`` would do, without doing it; also what has drifted from the declared state.

        Raises:
            as ``apply``; nothing was changed.
        """
        with self._alone():
            ok, changed = self._run(machinery, release, tell, check=True, diff=diff)
            return Applied(ok, changed, self.pending())

    def _run(
        self,
        machinery: Machinery,
        release: tuple[Path, str],
        tell: Callable[[Task], object],
        *,
        check: bool = False,
        diff: bool = False,
    ) -> tuple[int, int]:
        ok = changed = 0
        run = Run(self.values(), str(release[0]), release[1], check=check, diff=diff)
        for task in machinery.run(run):
            tell(task)
            ok += task.state is TaskState.OK
            changed += task.state is TaskState.CHANGED
            if task.state is TaskState.FAILED:
                raise ApplyFailed(task=task.name, reason=task.reason, outcome="Nothing more was done.")
        return ok, changed

    def _gone_back(
        self,
        machinery: Machinery,
        release: tuple[Path, str],
        tell: Callable[[Task], object],
        failure: ApplyFailed,
        pending: tuple[Change, ...],
    ) -> ApplyFailed:
        """Apply the previous file again; the returned error says how that went."""
        told = {"task": failure.fields["task"], "reason": failure.fields["reason"]}
        if not pending or not self._applied_file.exists():
            return ApplyFailed(**told, outcome="Correct the cause and run it again: hangjegyzet apply")
        refused = self._file.with_suffix(".toml.refused")
        document.write(refused, document.read_text(self._file))
        document.write(self._file, document.read_text(self._applied_file))
        try:
            self._run(machinery, release, tell)
        except ApplyFailed as again:
            log.exception("configuration_not_restored", task=again.fields["task"])
            outcome = f"The previous configuration is back in {self._file}, but applying it failed too: {again}"
        else:
            outcome = f"The previous configuration is in force again. Yours is kept in {refused}."
        return ApplyFailed(**told, outcome=outcome)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One run at a time; the lock ends with its holder, however that ends."""
        self._applied_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._applied_file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ApplyBusy from error
            yield
        finally:
            os.close(descriptor)
