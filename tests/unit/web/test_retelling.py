"""A failure that was stored in English is told in the reader's language."""

import re
from pathlib import Path

import pytest

import appliance
from appliance.adapters.media import formats
from appliance.database.errors import DatabaseFull, DatabaseUnavailable, DataDamaged
from appliance.identity.errors import WeakPassword
from appliance.identity.model import checked_password
from appliance.kernel.errors import HangJegyzetError
from appliance.meetings.errors import EncryptedMedia, NotMedia, Silent, Truncated, UnsupportedAudio
from web.i18n import translations
from web.rendering import error_text
from web.retelling import FOUND_IN_FILES, OF_THE_DATABASE, REASONS, retold
from web.security import csrf

HU = translations("hu")
ROOMS = Path(appliance.__file__).parent
CSRF = Path(csrf.__file__)


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


def test_reasons_inside_a_sentence_are_told_too() -> None:
    """An error says in both of its halves what the reader understands."""
    with pytest.raises(WeakPassword) as refusal:
        checked_password("too short", email="anna@example.org", name="Anna")
    message, hint = error_text(refusal.value, "hu")
    assert message == "Válasszon másik jelszót: legalább 12 karakter kell."
    assert hint.startswith("Több, egymással össze nem függő szóból")
    assert error_text(refusal.value, "en")[0] == str(refusal.value)


def test_every_reason_of_the_rooms_has_a_translation() -> None:
    """They are written down a second time, and must be the same words."""
    rooms = (ROOMS / "identity" / "model.py", *sorted((ROOMS / "meetings").glob("*.py")), CSRF)
    given = {found for path in rooms for found in re.findall(r'reason=f?"([^"]+)"', path.read_text())}
    known = {re.sub(r"\{\w+\}", "{}", reason) for reason in REASONS}
    assert {re.sub(r"\{[^}]+\}", "{}", reason) for reason in given} <= known


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NotMedia(content="a PDF document"), "A fájl nem felvétel: a tartalma PDF-dokumentum."),
        (EncryptedMedia(protection="encrypted with OpenPGP"), "A fájl védett (OpenPGP-vel titkosítva)"),
        (Truncated(found_s=3.0, expected="about 60 s"), "kb. 60 mp"),
        (UnsupportedAudio(codec="opus at 123 samples a second"), "opus, másodpercenként 123 minta"),
    ],
)
def test_what_was_found_in_a_refused_file_is_told_too(error: HangJegyzetError, told: str) -> None:
    """At once and from what a job has stored: no English phrase stands in the middle of a Hungarian sentence."""
    assert told in error_text(error, "hu")[0]
    assert told in retold(error.code, str(error), HU)


def test_every_finding_of_the_media_decoder_has_a_translation() -> None:
    """They too are written down a second time, and must be the same words."""
    listed = {name for table in (formats._PLAYLISTS, formats._PROTECTED, formats._FOREIGN) for _, name in table}
    fields = "content|protection|resource|codec|expected"
    said = re.compile(rf'(?:{fields})(?: ?=|":) ?f?"([^"]+)"|return "([^"]+)"|else "([^"]+)"')
    sources = [(ROOMS / "adapters" / "media" / f"{name}.py").read_text() for name in ("formats", "structure", "child")]
    refusals = (ROOMS / "adapters" / "media" / "decoder.py").read_text().partition("def _clean")[0]
    given = {next(filter(None, found)) for source in (*sources, refusals) for found in said.findall(source)}
    known = {re.sub(r"\{\w+\}", "{}", phrase) for phrase in FOUND_IN_FILES}
    assert {re.sub(r"\{[^}]+\}", "{}", phrase) for phrase in listed | given} == known
    assert [phrase for phrase in FOUND_IN_FILES if HU.gettext(phrase) == phrase] == []


def test_what_befalls_a_running_database_is_told_in_hungarian() -> None:
    """On the page that could not be shown, and in a job that could not go on; by the errors' own words."""
    errors = (DatabaseUnavailable, DatabaseFull, DataDamaged)
    assert set(OF_THE_DATABASE) == {text for error in errors for text in (error.message, error.hint)}
    message, hint = error_text(DatabaseUnavailable(), "hu")
    assert message == "A PostgreSQL nem válaszol."
    assert hint.endswith("semmi sem veszett el.")
    assert retold(DatabaseFull.code, DatabaseFull.message, HU) == "A PostgreSQL lemezén nincs több hely."
