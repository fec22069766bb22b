"""A failure that was stored in English is told in the reader's language."""

import pytest

from appliance.kernel.errors import HangJegyzetError
from appliance.meetings.errors import Silent, Truncated
from web.i18n import translations
from web.retelling import retold

HU = translations("hu")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Silent(peak_dbfs=-71.4), "-71 dB"),
        (Truncated(found_s=12.3, expected="00:03:00"), "00:03:00"),
    ],
)
def test_the_same_values_stand_in_the_translated_sentence(error: HangJegyzetError, told: str) -> None:
    """Numbers that were formatted once are not formatted again."""
    text = retold(error.code, str(error), HU)
    assert told in text
    assert text != str(error)
    assert retold(error.code, error.remedy, HU) != error.remedy


def test_a_text_of_another_release_is_shown_as_it_was_stored() -> None:
    """Nothing is lost when code or wording are not known any more."""
    assert retold("media.silent", "Words of an older release.", HU) == "Words of an older release."
    assert retold("no.such_code", "Anything.", HU) == "Anything."


def test_english_stays_english() -> None:
    """The same way leads back to the same sentence."""
    error = Silent(peak_dbfs=-71.4)
    assert retold(error.code, str(error), translations("en")) == str(error)
