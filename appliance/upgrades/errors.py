"""What can be in the way of an upgrade, what can go wrong with it, and with going back."""

from appliance.kernel.errors import Conflict, Corrupt, NotFound, Refused, Unavailable


class UpgradeNeedsRoot(Refused):
    code = "upgrades.needs_root"
    message = "Only root may upgrade the machine."
    hint = "sudo hangjegyzet upgrade"


class UpgradeBusy(Unavailable):
    code = "upgrades.busy"
    message = "An upgrade is under way already (process {pid})."
    hint = "See how far it is: hangjegyzet upgrade status"


class UpgradeUnfinished(Conflict):
    code = "upgrades.unfinished"
    message = "The upgrade from {old} to {new} was interrupted at {stage}."
    hint = "Bring it to its end first: hangjegyzet upgrade resume"


class UpgradeStateDamaged(Corrupt):
    code = "upgrades.state_damaged"
    message = "The notes of the upgrade in {path} cannot be read: {reason}"
    hint = (
        "Nothing is done by guessing. docs/operator-manual/runbooks/upgrade-state.md says how to find out which "
        "release the machine has, and how to bring it there by hand."
    )


class NotReady(Refused):
    code = "upgrades.not_ready"
    message = "This machine is not ready for an upgrade; nothing was changed:\n{findings}"
    hint = "Mend what is named, then look again: hangjegyzet upgrade check BUNDLE"


class NothingToUpgrade(Refused):
    code = "upgrades.nothing_to_do"
    message = "Release {version} is installed already."
    hint = "To bring the machine back into its declared state: hangjegyzet apply"


class NothingToUpdate(Refused):
    code = "upgrades.nothing_to_update"
    message = "Every package of the updates of {version} that this machine has is as new already."
    hint = "Nothing has to be done. What was put in last: hangjegyzet updates list"


class StagingFailed(Unavailable):
    code = "upgrades.staging_failed"
    message = "The release could not be put beside the running one: {reason}"
    hint = "Nothing was changed. The whole log is /var/log/hangjegyzet-install.log."


class CommandFailed(Unavailable):
    code = "upgrades.command_failed"
    message = "Release {version} could not do its part ({command}): {reason}"
    hint = "hangjegyzet upgrade status says what the machine has now."


class RehearsalFailed(Refused):
    code = "upgrades.rehearsal_failed"
    message = "The migrations failed on a copy of this database: {reason}"
    hint = "Nothing was changed. Send the report to the maker: hangjegyzet upgrade status --json"


class RehearsalLostRows(Refused):
    code = "upgrades.rehearsal_lost_rows"
    message = "On a copy of this database the migrations lost {tables}."
    hint = "Nothing was changed. Send the report to the maker: hangjegyzet upgrade status --json"


class GateShut(Unavailable):
    code = "upgrades.gate_shut"
    message = "The new release did not prove itself: {reason}"
    hint = "The machine goes back to the release that it had, with all that people had entered."


class GateTooSlow(Unavailable):
    code = "upgrades.gate_too_slow"
    message = "The new release did not prove itself within {limit_s:.0f} s; it had done: {done}."
    hint = "The machine goes back to the release that it had, with all that people had entered."


class UpgradeUndone(Unavailable):
    code = "upgrades.undone"
    message = "The upgrade to {new} was undone: {reason}"
    hint = "The machine has {old} again, with all that people had entered. hangjegyzet upgrade status tells the times."


class UndoFailed(Unavailable):
    code = "upgrades.undo_failed"
    message = "Going back to {old} could not be finished at {stage}: {reason}"
    hint = (
        "The maintenance page stays up. Correct the cause, then: hangjegyzet upgrade resume. "
        "docs/operator-manual/runbooks/upgrade.md helps."
    )


class FinishFailed(Unavailable):
    code = "upgrades.finish_failed"
    message = "Release {new} has proved itself and stays, but {stage} could not be finished: {reason}"
    hint = "Correct the cause, then: hangjegyzet upgrade resume"


class NothingToResume(NotFound):
    code = "upgrades.nothing_to_resume"
    message = "No upgrade was interrupted."
    hint = "See the last one: hangjegyzet upgrade status"


class NoWayBack(Refused):
    code = "upgrades.no_way_back"
    message = "This machine cannot go back to an earlier release: {reason}."
    hint = (
        "A newer release that mends the fault is the way on. For the state of before the upgrade, without what was "
        "entered since: restore the backup that was taken for it."
    )


class PackagesFailed(Unavailable):
    code = "upgrades.packages_failed"
    message = "Packages of the distribution could not be installed: {reason}"
    hint = "The whole log is /var/log/hangjegyzet-install.log."
