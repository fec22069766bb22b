"""Use cases of the configuration: look at it, change a key, apply it, and go back when that fails."""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from msgspec import structs

from appliance.configuration import document
from appliance.configuration.confirmation import (
    PATIENCE_S,
    Boot,
    ConfirmationNote,
    Unconfirmed,
    cuts_off,
    this_boot,
)
from appliance.configuration.errors import (
    ApplyBusy,
    ApplyFailed,
    ConfigurationMissing,
    ConfirmationAwaited,
    ConfirmationUnwatched,
    NothingToConfirm,
)
from appliance.configuration.model import Change, Value, changes, effective, find, parse_value, problems
from appliance.configuration.ports import Machinery, Run, Task, TaskState, Watchman

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
    """What a run did: counts of tasks, what differs from before, and what is undone unless somebody confirms it."""

    ok: int
    changed: int
    changes: tuple[Change, ...]
    unconfirmed: tuple[str, ...] = ()


class ConfigurationService:
    """The machine's one configuration file.

    Args:
        file: ``appliance.toml``.
        applied_file: keeps a copy of what was applied last; a failed run puts it back.
        boot: this boot, by which the time to confirm is counted.
    """

    def __init__(self, file: Path, *, applied_file: Path, boot: Callable[[], Boot] = this_boot) -> None:
        self._file = file
        self._applied_file = applied_file
        self._note = ConfirmationNote(applied_file.with_name("unconfirmed.json"))
        self._boot = boot
        self._hold: int | None = None

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
        watchman: Watchman | None = None,
    ) -> Applied:
        """Bring the machine into the declared state; when that fails, back into the one before.

        Args:
            release: the folder and the version of the release whose playbooks do it.
            tell: is told each task.
            allow: is asked about what changes before anything does; raises to refuse it. Not asked about the first
                configuration of a machine.
            watchman: undoes a change of who reaches the machine unless somebody confirms it; None confirms it here.

        Raises:
            ConfigurationMissing, ConfigurationUnreadable, ConfigurationInvalid: there is no usable file.
            ApplyBusy: another run is under way.
            ApplyFailed: a task failed; the error says which, why, and what the machine has now.
            ConfirmationAwaited: an earlier change waits for confirmation.
            ConfirmationUnwatched: nobody would undo the change; nothing was done.
        """
        with self._alone():
            if waiting := self._note.read():
                raise ConfirmationAwaited(keys=", ".join(waiting.keys))
            pending = self.pending()
            unconfirmed: tuple[str, ...] = ()
            if self._applied_file.exists():
                allow(pending)
                unconfirmed = cuts_off(pending) if watchman else ()
            if watchman and unconfirmed:
                self._begin_watch(watchman, unconfirmed)
            try:
                ok, changed = self._run(machinery, release, tell)
            except ApplyFailed as failure:
                raise self._gone_back(machinery, release, tell, failure, pending) from failure
            document.write(self._applied_file, document.read_text(self._file))
            if waiting := self._note.read():
                self._note.write(structs.replace(waiting, until_s=self._boot().age_s + PATIENCE_S))
        log.info("configuration_applied", ok=ok, changed=changed)
        return Applied(ok, changed, pending, unconfirmed)

    def unconfirmed(self) -> tuple[tuple[str, ...], float] | None:
        """What waits for confirmation: its settings, and for how many seconds more; none when nothing does."""
        if (waiting := self._note.read()) is None:
            return None
        under_way = waiting.until_s is None and waiting.boot == self._boot().id
        return waiting.keys, PATIENCE_S if under_way else self._left_s(waiting)

    def confirm(self) -> tuple[str, ...]:
        """Keep what was applied; the settings that are confirmed.

        Raises:
            NothingToConfirm: nothing waits, any more or at all.
            ApplyBusy: it is still being applied, or is being undone just now.
        """
        with self._alone():
            waiting = self._note.read()
            if waiting is None or waiting.until_s is None or self._left_s(waiting) <= 0:
                raise NothingToConfirm
            self._note.remove()
        log.info("configuration_confirmed", settings=",".join(waiting.keys))
        return waiting.keys

    def undo_overdue(
        self, machinery: Machinery, *, release: tuple[Path, str], tell: Callable[[Task], object]
    ) -> tuple[str, ...]:
        """Bring the configuration back that was in force before what nobody confirmed in time.

        Whoever applies holds the lock; a note without an end, with the lock free, is one whose writer died.

        Returns:
            the settings that were undone; none while there is time, or nothing to undo.

        Raises:
            ApplyFailed: it could not be brought back; the note stays, for the next try.
        """
        try:
            with self._alone():
                waiting = self._note.read()
                if waiting is None or self._left_s(waiting) > 0:
                    return ()
                # An earlier try may have been cut off after this: what was tried is kept, and not the way back from it.
                if (tried := document.read_text(self._file)) != waiting.previous:
                    document.write(self._file.with_suffix(".toml.unconfirmed"), tried)
                    document.write(self._file, waiting.previous)
                self._run(machinery, release, tell)
                document.write(self._applied_file, waiting.previous)
                self._note.remove()
        except ApplyBusy:
            return ()
        log.warning("configuration_undone", settings=",".join(waiting.keys))
        return waiting.keys

    def _begin_watch(self, watchman: Watchman, keys: tuple[str, ...]) -> None:
        previous = document.read_text(self._applied_file)
        self._note.write(Unconfirmed(keys, previous, self._boot().id))
        try:
            watchman.begin()
        except OSError as error:
            self._note.remove()
            raise ConfirmationUnwatched(keys=", ".join(keys), reason=error) from error

    def _left_s(self, waiting: Unconfirmed) -> float:
        """Seconds until it is undone; none for one that its writer left, or that another boot began."""
        boot = self._boot()
        if waiting.boot != boot.id or waiting.until_s is None:
            return 0.0
        return max(0.0, waiting.until_s - boot.age_s)

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
        run = Run(self.values(), str(release[0]), release[1], check=check, diff=diff, hold=self._hold)
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
            self._note.remove()
            outcome = f"The previous configuration is in force again. Yours is kept in {refused}."
        return ApplyFailed(**told, outcome=outcome)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One run at a time; the lock ends with its holder, however that ends, and with the run's last process."""
        self._applied_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._applied_file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ApplyBusy from error
            self._hold = descriptor
            yield
        finally:
            self._hold = None
            os.close(descriptor)
