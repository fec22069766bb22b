"""What people are told of the licence: whoever can do something in time, others when it touches their work."""

from datetime import UTC, datetime, timedelta

import pytest

from appliance.identity.permissions import ROLE_PERMISSIONS, Role
from appliance.kernel.actor import Actor, ActorKind
from appliance.kernel.ids import TenantId, new_uuid
from appliance.licence.model import Licence, Standing, standing
from web.licence import INSTALL, licence_banner
from web.request import LOCALES

END = datetime(2026, 6, 1, tzinfo=UTC)
LICENCE = Licence(
    id="HJ-2026-0001",
    customer="Kékfa Egyesület",
    people=10,
    valid_from="2025-06-01T00:00:00Z",
    valid_until="2026-06-01T00:00:00Z",
    grace_days=30,
    issued_at="2025-05-01T00:00:00Z",
)


def actor(role: Role) -> Actor:
    """Somebody signed in."""
    return Actor(ActorKind.USER, TenantId(new_uuid()), "x@example.org", permissions=ROLE_PERMISSIONS[role])


def on(days: float, licence: Licence | None = LICENCE) -> Standing:
    """So many days after its end."""
    return standing(licence, now=END + timedelta(days=days), seen=None)


@pytest.mark.parametrize(
    ("days", "administrator", "member"),
    [
        (-31, None, None),
        (-29, "info", None),
        (-1, "info", None),
        (1, "warn", None),
        (20, "warn", None),
        (25, "warn", "warn"),
        (31, "bad", "bad"),
        (400, "bad", "bad"),
    ],
)
def test_each_is_told_in_time(days: int, administrator: str | None, member: str | None) -> None:
    """Administrators from a month before; members when recordings will soon not be taken; auditors never."""
    told = {role: banner.tone if (banner := licence_banner(on(days), actor(role), "en")) else None for role in Role}
    assert told == {Role.ADMINISTRATOR: administrator, Role.MEMBER: member, Role.AUDITOR: None}


def test_only_whoever_keeps_the_machine_is_shown_a_command() -> None:
    """Others could do nothing with it."""
    keeper, member = (licence_banner(on(40), actor(role), "en") for role in (Role.ADMINISTRATOR, Role.MEMBER))
    assert keeper is not None
    assert member is not None
    assert (keeper.command, member.command) == (INSTALL, "")
    assert "read, exported and deleted as ever" in member.text


def test_a_trial_and_a_file_that_cannot_be_used_tell_nobody() -> None:
    """Nothing is missing on a trial; a damaged file is health's matter."""
    assert licence_banner(on(0, None), actor(Role.ADMINISTRATOR), "en") is None
    assert licence_banner(None, actor(Role.ADMINISTRATOR), "en") is None
    early = standing(LICENCE, now=datetime(2025, 5, 30, tzinfo=UTC), seen=None)
    assert licence_banner(early, actor(Role.ADMINISTRATOR), "en") is None


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("days", [-3, 3, 26, 40])
def test_days_are_filled_in_in_every_language(locale: str, days: int) -> None:
    """No field is left open, and the languages differ."""
    for role in (Role.ADMINISTRATOR, Role.MEMBER):
        banner = licence_banner(on(days), actor(role), locale)  # type: ignore[arg-type]  # LOCALES are strings
        if banner is not None:
            assert "{" not in banner.title + banner.text
            other = licence_banner(on(days), actor(role), "hu" if locale == "en" else "en")
            assert other is not None
            assert other.title != banner.title
