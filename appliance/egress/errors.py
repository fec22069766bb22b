"""What can go wrong with proving silence."""

from appliance.kernel.errors import Refused, Unavailable


class EgressNeedsRoot(Refused):
    code = "egress.needs_root"
    message = "Only root may read the firewall's rules and watch the wire."
    hint = "sudo hangjegyzet egress report"


class FirewallStuck(Unavailable):
    code = "egress.firewall_stuck"
    message = "The rules in {file} could not be loaded."
    hint = (
        "Read why: nft --check --file {file}. Write them again: hangjegyzet apply. Until then take it off the network."
    )


class ProbeFailed(Unavailable):
    code = "egress.probe_failed"
    message = "The attempts of {asker} could not be made: {reason}"
    hint = "Read why: journalctl -t hangjegyzet-egress-probe"
