"""Sentences of the house that a technician meets on the console, for the catalogue; ``telling`` finds them again."""

from typing import Final

from tui.i18n import marked

TITLES: Final = (
    marked("Disk space"),
    marked("Memory"),
    marked("Clock"),
    marked("TLS certificate"),
    marked("Database"),
    marked("Queue"),
    marked("Models"),
    marked("Model files"),
    marked("Audit trail"),
    marked("Processes"),
    marked("Configuration"),
    marked("Drift"),
    marked("Nothing leaves"),
)
"""Of checks."""

FINDINGS: Final = (
    marked("It could not be looked at: {reason}"),
    marked("The journal says why: journalctl -t hangjegyzet-health"),
    marked("{path} has {free} free ({share})."),
    marked("Delete meetings that are no longer needed, or give the machine more space."),
    marked("{free} of {total} can be used."),
    marked("Use a smaller model (hangjegyzet models list), or give the machine more memory."),
    marked("The clock is {span} behind the newest event of the audit trail."),
    marked("Set the machine's clock; until then sessions, certificates and records carry wrong times."),
    marked("It agrees with the audit trail."),
    marked("The portal has no certificate yet."),
    marked("It is valid only from {day}."),
    marked("Set the machine's clock."),
    marked("It ends in {days} days."),
    marked("It is valid for {days} days more."),
    marked("Put a new one into place (web.certificate), or remove the generated one and restart the portal."),
    marked("It does not answer."),
    marked("Read why: journalctl -u 'postgresql@*'. Then: systemctl start postgresql"),
    marked("Its schema is not the one that this release needs."),
    marked("Bring it to this release: hangjegyzet db migrate"),
    marked("PostgreSQL {version} answers; the schema is {revision}."),
    marked("Nobody works on: {queues}."),
    marked("See whether the workers run: hangjegyzet health units"),
    marked("Work has been waiting for {hours} hours."),
    marked("Let it work off what waits, or join a GPU worker."),
    marked("{number} recording(s) of the last day did not get through."),
    marked("See what each needs: hangjegyzet job list --state failed"),
    marked("{number} step(s) wait."),
    marked("No model is in use for: {seats}."),
    marked("Import a pack: hangjegyzet models import PATH"),
    marked("{number} packs; every kind has one in use."),
    marked("Not running: {names}."),
    marked("Read why: journalctl -u {unit}. Then: hangjegyzet health --fix units"),
    marked("Read why: journalctl -u {unit}"),
    marked("Started again and again: {names}."),
    marked("All {number} run."),
    marked("{number} setting(s) in the file are not in force: {keys}."),
    marked("See what would happen, then do it: hangjegyzet apply --check --diff, hangjegyzet apply"),
    marked("What the file says is in force."),
    marked("Packets left for {targets}."),
    marked("The firewall does not drop what goes out."),
    marked("Load the rules: hangjegyzet apply. Until then take the machine off the network."),
    marked("The firewall drops what goes out; {number} attempts got nowhere."),
)
"""Of checks: what they found, and what to do now."""

FAULTS: Final = (
    marked("PostgreSQL does not answer."),
    marked("See whether it runs: hangjegyzet db status. It is tried again by itself; nothing is lost."),
    marked("PostgreSQL has no room left on its disk."),
    marked("Free space there, or give it a larger disk. Work goes on by itself then; nothing is lost."),
    marked("PostgreSQL reports damaged data: {reason}"),
    marked("Stop the appliance and restore a backup; do not go on writing."),
    marked("The database is at revision {found}; this release needs {needed}."),
    marked("Run: hangjegyzet db migrate"),
    marked("The appliance's database has not been set up yet."),
    marked("Run: hangjegyzet db init"),
    marked("No organisation has been set up yet."),
)
"""Errors that can come between the console and any question."""

SENTENCES: Final = (*TITLES, *FINDINGS, *FAULTS)
