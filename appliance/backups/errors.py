"""What can go wrong with keeping and bringing back."""

from appliance.kernel.errors import Conflict, Corrupt, Invalid, NotFound, Refused, Unavailable


class BackupBusy(Unavailable):
    code = "backups.busy"
    message = "A backup, a drill or a restore is under way already."
    hint = "Wait until it has ended."


class DepotFull(Unavailable):
    code = "backups.depot_full"
    message = "{place} has {free} free; this backup needs about {needed}."
    hint = (
        "Give it more space, or keep fewer backups: hangjegyzet config set backups.keep_daily. The appliance goes on."
    )


class DepotMissing(Unavailable):
    code = "backups.depot_missing"
    message = "{place} is not a file system of its own: the backup's disk is not mounted."
    hint = "Mount it. On a trial machine without a second disk: hangjegyzet config set backups.same_disk true"


class DepotSilent(Unavailable):
    code = "backups.depot_silent"
    message = "{place} does not answer: the share or disk behind it hangs."
    hint = "Mend the way to it, or unmount it: umount --lazy {place}. The appliance goes on; the database's log waits."


class EngineFailed(Unavailable):
    code = "backups.engine_failed"
    message = "pgBackRest could not do it ({command}): {reason}"
    hint = "Nothing was lost by it. Correct the cause, then run it again."


class ServerWontStart(Unavailable):
    code = "backups.server_wont_start"
    message = "The restored database did not become ready: {reason}"
    hint = "The backup that it came from is as it was. Try an earlier moment: hangjegyzet restore plan --time"


class MarkNotKept(Unavailable):
    code = "backups.mark_not_kept"
    message = "The restore point {name} did not reach the backups within {limit_s} s."
    hint = "See why the log is not archived: hangjegyzet health wal"


class NoBackup(NotFound):
    code = "backups.none"
    message = "There is no backup that could do this: {wanted}."
    hint = "See which there are: hangjegyzet backup list"


class KeptByCluster(Refused):
    code = "backups.kept_by_cluster"
    message = "This machine is a member of a cluster: its database is not taken back on one member alone."
    hint = "Restore onto a freshly installed machine, and begin a cluster there; docs/cluster.md has the steps."


class TargetInvalid(Invalid):
    code = "backups.target_invalid"
    message = "{target} is no backup target: {reason}"
    hint = "docs/backups.md shows every form."


class CustodiansMissing(Refused):
    code = "backups.custodians_missing"
    message = "{found} custodian(s) are set; the machine's keys are kept for at least {needed}."
    hint = (
        "Each makes a key on a machine of their own (age-keygen); then: hangjegyzet config set backups.custodians [...]"
    )


class SetDamaged(Corrupt):
    code = "backups.set_damaged"
    message = "The backup {set_id} is damaged: {what}"
    hint = "Do not rely on it. Take a new one now (hangjegyzet backup run), and look at the disk that it lies on."


class SetUnreadable(Corrupt):
    code = "backups.set_unreadable"
    message = "The description of the backup {set_id} cannot be read: {reason}"
    hint = "Use another one: hangjegyzet backup list"


class RestoreOther(Conflict):
    code = "backups.restore_other"
    message = "Another restore was begun here and has not ended: {begun}."
    hint = "Repeat that one to its end, or give it up: hangjegyzet restore run --afresh"


class KeyFitsNot(Refused):
    code = "backups.key_fits_not"
    message = "The key in {key} does not open this backup's keys: {reason}"
    hint = "Use a key file of one of its custodians, as age-keygen wrote it."


class SignerUnknown(Refused):
    code = "backups.signer_unknown"
    message = "The backup was signed by {found}, and not by {expected}."
    hint = "It is another machine's, or somebody made it up. Compare the fingerprint with what was printed."


class TargetFailed(Unavailable):
    code = "backups.target_failed"
    message = "It is kept on this machine's own backup disk, and did not reach every further place. {targets}"
    hint = "Mend the place or the way to it; the next run brings it up to date. See: hangjegyzet health backups"


class TargetUnreachable(Unavailable):
    code = "backups.target_unreachable"
    message = "The backup target {target} cannot be used: {reason}"
    hint = "Is it switched on and mounted, and may this machine write to it?"


class TargetFull(Unavailable):
    code = "backups.target_full"
    message = "The backup target {target} is full."
    hint = "Free space on it, or choose another. Backups on this machine's own disk go on."
