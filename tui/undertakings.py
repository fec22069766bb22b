"""What the console asks before and during what changes the machine: bundles, upgrades, restores, approvals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # as in ``house``: what a question needs is imported when it is asked
    from appliance.approvals.model import Arguments, Verb
    from appliance.approvals.service import Standing
    from appliance.backups.restore import Plan, Wish
    from appliance.releases.model import Version
    from appliance.settings import Settings
    from appliance.upgrades.model import Record, Stage
    from tui.sticks import Found

TOLD_BYTES = 256 * 1024
"""Of what an upgrade told, the end is read: two thousand lines."""


class Verdict(StrEnum):
    """What this machine could do with a bundle, going by what the bundle says of itself."""

    NEXT = "next"
    SAME = "same"
    OLDER = "older"
    TOO_FAR = "too_far"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Offered:
    """A bundle on a stick."""

    found: "Found"
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Undertaking:
    """An upgrade under way, or the last one.

    Args:
        driven: whether a process drives it now.
        told: lines of JSON, as ``tui.progress`` reads them.
        expected_s: how long people wait, or are going to; seconds.
        usual_s: what each stage took in the upgrade before; seconds.
    """

    record: "Record | None" = None
    driven: bool = False
    told: str = ""
    expected_s: float = 0.0
    usual_s: "Mapping[Stage, float]" = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Approving:
    """Whether two people have approved an act.

    Args:
        people: who may; nobody where the two-person rule is not in force.
        standing: the request for exactly this act, if somebody made one.
        file: what approvers sign.
    """

    people: tuple[str, ...] = ()
    standing: "Standing | None" = None
    file: Path | None = None

    @property
    def holds(self) -> bool:
        """Whether the act may be done now."""
        return not self.people or (self.standing is not None and not self.standing.missing)


class MachineUndertakings:
    """The answers of this machine."""

    _settings: "Settings"

    def bundles(self) -> Sequence[Offered]:
        """On everything that is plugged in and mounted; the newest first."""
        from appliance.adapters.upgrades.shelf import FolderShelf
        from appliance.releases.model import Version
        from tui.sticks import bundles, plugged_in

        current = Version.parse(FolderShelf().current())
        offered = [Offered(found, verdict(found, current)) for found in bundles(plugged_in())]
        return sorted(offered, key=_newest_first, reverse=True)

    def packs_on_sticks(self) -> "Sequence[Found]":
        """On everything that is plugged in and mounted."""
        from tui.sticks import packs, plugged_in

        return packs(plugged_in())

    def signatures(self) -> Sequence[Path]:
        """Files on what is plugged in that may be signatures."""
        from tui.sticks import plugged_in, signatures

        return signatures(plugged_in())

    def sticks(self) -> Sequence[Path]:
        """What is plugged in and mounted."""
        from tui.sticks import plugged_in

        return plugged_in()

    def upgrade(self) -> Undertaking:
        """From the journal of upgrades; needs no database."""
        from appliance.entry.upgrade_notes import open_journal
        from appliance.upgrades.estimates import expected_s
        from appliance.upgrades.model import Kind

        journal = open_journal()
        under_way = journal.read()
        ended = [one for one in (journal.last(), journal.last_updates()) if one is not None]
        record = under_way or max(ended, key=lambda one: one.began_at, default=None)
        before = journal.last_done()
        if record is not None and record.kind is Kind.UPDATES:
            before = journal.last_updates_done()
        return Undertaking(
            record,
            driven=under_way is not None and journal.is_driven(),
            told=journal.told()[-TOLD_BYTES:],
            expected_s=0.0 if record is None else record.expected_s or expected_s(record, before),
            usual_s={one.stage: one.took_s for one in before.passed if one.took_s is not None} if before else {},
        )

    def way_back(self) -> "Arguments":
        """The releases that ``hangjegyzet upgrade rollback`` would go from and to."""
        from appliance.adapters.upgrades.shelf import FolderShelf
        from appliance.entry.upgrade_notes import open_journal
        from appliance.kernel.clock import SystemClock
        from appliance.upgrades.returning import require_way_back

        shelf = FolderShelf()
        current = shelf.current()
        back_to, _revision = require_way_back(
            open_journal().last_done(), current=current, previous=shelf.previous(), now=SystemClock().now()
        )
        return {"from": current, "to": back_to}

    def restore_plan(self, wish: "Wish", key: Path | None) -> "Plan":
        """As ``hangjegyzet restore plan``."""
        from appliance.entry.restores import open_restores

        with open_restores(self._settings, wish) as (service, catalogue):
            return service.plan(wish, catalogue=catalogue, key=key)

    def broken_restore(self) -> "Wish | None":
        """A restore that was begun and has not ended."""
        from appliance.backups.restore import Wish
        from appliance.entry.restores import open_restores

        with open_restores(self._settings, Wish()) as (service, _catalogue):
            found = service.unfinished()
        return found.wish if found else None

    def approving(self, verb: "Verb", arguments: "Arguments") -> Approving:
        """From the folder of requests; needs no database."""
        from appliance.approvals.model import digest
        from appliance.entry.approvals import open_approvals

        service = open_approvals()
        approvers = service.approvers()
        if approvers is None:
            return Approving()
        same = [
            one
            for one in service.list()
            if one.request.verb is verb and one.request.arguments_sha256 == digest(arguments)
        ]
        best = max(same, key=lambda one: (not one.missing, len(one.signed)), default=None)
        return Approving(approvers.people, best, service.path_of(best.request.id) if best else None)

    def ask_approval(self, verb: "Verb", arguments: "Arguments", *, reason: str, folder: Path | None) -> Path:
        """As ``hangjegyzet approval request``; the file that approvers sign, on the stick if one is named."""
        from appliance.audit.model import AuditName
        from appliance.entry import approvals
        from appliance.entry.operators import operator_name
        from tui.errors import StickRefused

        made, path = approvals.open_approvals().request(
            verb, arguments, reason=reason or "no reason given", by=operator_name()
        )
        approvals.record_request(self._settings, AuditName.APPROVAL_REQUESTED, made.id, verb=verb)
        if folder is None:
            return path
        copy = folder / f"approve-{path.name}"
        try:
            copy.write_bytes(path.read_bytes())
        except OSError as error:
            raise StickRefused(folder=folder, path=path, reason=error.strerror or str(error)) from error
        return copy

    def hand_in(self, request_id: str, file: Path) -> str:
        """As ``hangjegyzet approval add``; whose signature it is."""
        from appliance.approvals.signatures import MAX_SIGNATURE_BYTES
        from appliance.audit.model import AuditName
        from appliance.entry import approvals
        from tui.errors import StickUnread

        try:
            with file.open("rb") as opened:
                signature = opened.read(MAX_SIGNATURE_BYTES + 1)
        except OSError as error:
            raise StickUnread(path=file, reason=error.strerror or str(error)) from error
        standing, person = approvals.open_approvals().add_signature(request_id, signature)
        approvals.record_request(
            self._settings, AuditName.APPROVAL_SIGNED, request_id, verb=standing.request.verb, person=person
        )
        return person


def verdict(found: "Found", current: "Version") -> Verdict:
    """What a machine with the release ``current`` could do with it; the upgrade itself asks again, and more."""
    from appliance.kernel.errors import HangJegyzetError
    from appliance.releases.errors import ReleaseIsOlder
    from appliance.releases.model import Version
    from appliance.releases.policy import Installed, require_step

    if found.manifest is None:
        return Verdict.UNREADABLE
    if Version.parse(found.manifest.version) == current:
        return Verdict.SAME
    try:
        require_step(found.manifest, Installed(current))
    except ReleaseIsOlder:
        return Verdict.OLDER
    except HangJegyzetError:
        return Verdict.TOO_FAR
    return Verdict.NEXT


def _newest_first(one: Offered) -> tuple[bool, int]:
    return one.verdict is Verdict.NEXT, one.found.manifest.release_seq if one.found.manifest else -1
