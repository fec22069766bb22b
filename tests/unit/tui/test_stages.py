"""The stages that the console announces are those that upgrades have."""

from typing import cast

import pytest

from appliance.upgrades.model import Direction, Kind, Stage
from appliance.upgrades.steps import Parts, downgrade_plan, upgrade_plan
from appliance.upgrades.updating import UpdateParts, updates_plan
from tests.factories.console import an_upgrade, an_upgrade_at
from tui import i18n
from tui.stages import PLANS, stage_title, to_come

NO_PARTS = cast("Parts", None)


def test_the_announced_stages_are_the_planned_ones() -> None:
    """In the same order: what is announced and does not come is worse than nothing."""
    assert PLANS[Kind.UPGRADE] == tuple(step.stage for step in upgrade_plan(NO_PARTS))
    assert PLANS[Kind.UPDATES] == tuple(step.stage for step in updates_plan(cast("UpdateParts", None)))
    assert PLANS[Kind.DOWNGRADE] == tuple(step.stage for step in downgrade_plan(NO_PARTS))


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_has_a_name_that_people_read(stage: Stage) -> None:
    """In Hungarian, too; one of a later release is called as it calls itself."""
    i18n.speak("hu")
    assert stage_title(stage.value) != stage.value
    assert stage_title("brand-new") == "brand-new"
    i18n.speak("en")


def test_what_is_to_come_ends_with_the_upgrade() -> None:
    """Nothing is announced that will not happen: not after the end, and not on the way back."""
    under_way = an_upgrade_at(Stage.DRAIN).record
    assert under_way is not None
    assert to_come(under_way)[:2] == (Stage.PACKAGES, Stage.MARK)
    assert to_come(under_way.but(direction=Direction.BACK)) == ()
    assert to_come(an_upgrade()) == ()
