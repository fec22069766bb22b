"""What can go wrong with the trail."""

from appliance.kernel.errors import Conflict, Corrupt


class TrailBroken(Corrupt):
    code = "audit.trail_broken"
    message = "The audit trail of {tenant} was {kind} at event {seq} ({name})."
    hint = "Keep the database as it is and compare it with a backup: hangjegyzet audit export writes what is there."


class ForeignEvent(Corrupt):
    code = "audit.foreign_event"
    message = "An event of tenant {event_tenant} was about to be written in a transaction of tenant {tx_tenant}."


class ExportExists(Conflict):
    code = "audit.export_exists"
    message = "The file {path} exists already; an export never overwrites."
    hint = "Choose another name."
