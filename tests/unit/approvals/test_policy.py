"""Which settings take two people: those that keep less, let more in, or let anything out."""

import pytest

from appliance.approvals.policy import loosened, rule_for
from appliance.configuration.model import Change, Value, keys


@pytest.mark.parametrize(
    ("key", "before", "after", "takes_two"),
    [
        ("firewall.ssh_from", ["10.0.0.0/8"], ["10.20.0.0/16"], False),
        ("firewall.ssh_from", ["10.20.0.0/16"], ["10.0.0.0/8"], True),
        ("firewall.ssh_from", ["10.0.0.0/8"], [], False),
        ("firewall.ssh_from", [], ["10.0.0.1/32"], True),
        ("firewall.portal_from", ["0.0.0.0/0"], ["10.0.0.0/8", "192.168.1.0/24"], False),
        ("firewall.portal_from", ["0.0.0.0/0"], ["0.0.0.0/0", "::/0"], True),
        ("jobs.keep_finished_days", 90, 30, True),
        ("jobs.keep_finished_days", 90, 365, False),
        ("retention.keep_days", None, 30, True),
        ("egress.collector", None, "10.0.0.9:4317", True),
        ("egress.collector", "10.0.0.9:4317", None, False),
        ("firewall.egress_to", [], ["10.0.0.9/32"], True),
        ("firewall.egress_to", ["10.0.0.9/32"], [], False),
        ("backups.targets", [], ["sftp://backup.example/box"], True),
        ("backups.custodians", ["age1a", "age1b"], ["age1a"], False),
        ("backups.custodians", ["age1a"], ["age1a", "age1b"], True),
        ("nodes.workers", [], ["10.0.0.9"], True),
        ("web.port", 443, 8443, False),
        ("upload.max_bytes", 2, 1, False),
    ],
)
def test_what_loosens_and_what_does_not(key: str, before: Value, after: Value, takes_two: bool):
    """Narrower, longer and closed are one person's to decide."""
    assert bool(loosened([Change(key, before, after)])) is takes_two


def test_the_arguments_are_what_the_settings_become():
    """Approvers read the new values, and sign them."""
    change = Change("firewall.ssh_from", ["10.0.0.0/8"], ["10.0.0.0/8", "192.168.1.0/24"])
    assert loosened([change]) == {"firewall.ssh_from": '["10.0.0.0/8", "192.168.1.0/24"]'}


def test_settings_of_today_that_take_two_people():
    """A setting's name decides; whoever adds one sees here on which side it fell."""
    assert {key.name for key in keys() if rule_for(key.name)} >= {
        "firewall.portal_from",
        "firewall.ssh_from",
        "jobs.keep_finished_days",
        "backups.keep_daily",
        "backups.targets",
        "backups.custodians",
        "nodes.workers",
    }
