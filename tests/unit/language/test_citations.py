"""Whether what was said bears out what is claimed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.language.citations import Support, check, quoted, same_name
from appliance.language.lexicon import lexicon

EN, HU = lexicon("en"), lexicon("hu")
CORRECTION = (
    "We will not release on the tenth of March.",
    "We will release the new version on the seventeenth of March instead.",
)


@pytest.mark.parametrize(
    "claim",
    [
        "The new version will be released on 17 March.",
        "The team decided to release the new version on the seventeenth of March instead of the tenth.",
    ],
)
def test_a_claim_in_other_words_is_supported(claim: str) -> None:
    """Figures for number words, other forms of a verb and words about the meeting itself are no invention."""
    assert check(claim, CORRECTION, EN).support is Support.SUPPORTED


@pytest.mark.parametrize(
    ("claim", "missing"),
    [
        ("The new version will be released on 18 March.", "number 18"),
        ("The new version will be released on 17 April.", "time april"),
        ("The new version will be released to Rita on 17 March.", "name Rita"),
        ("The new version will be released on the tenth of March.", "negation"),
        ("The new version will not be released on 17 March.", "negation"),
    ],
)
def test_a_number_a_name_a_date_or_a_denial_that_nobody_said_is_unsupported(claim: str, missing: str) -> None:
    """However much else of the claim was said."""
    verdict = check(claim, CORRECTION, EN)
    assert verdict.support is Support.UNSUPPORTED
    assert missing in verdict.missing


def test_what_was_only_supposed_is_not_reported_as_so() -> None:
    """A condition makes no plan."""
    said = ["If we start on Monday, we can finish the backup test by Friday."]
    assert check("The backup test starts on Monday.", said, EN).missing == ("condition",)
    assert check("If we start, we finish.", ["We start and we finish."], EN).missing == ("condition",)
    assert check("If they start on Monday, they finish the backup test by Friday.", said, EN).missing == ()


def test_a_name_at_the_beginning_of_a_claim_is_a_name_when_the_meeting_knows_it() -> None:
    """A capital letter proves nothing there, the roster does."""
    verdict = check("Martin updates the guide.", ["Somebody updates the guide."], EN, roster=["Martin"])
    assert verdict.missing == ("name Martin",)
    assert check("Martin updates the guide.", ["I will update the guide."], EN, speakers=["Martin"]).missing == ()


def test_words_that_nobody_said_make_a_claim_partly_supported_or_less() -> None:
    """Three fifths of the words have to be there, three quarters for full support."""
    said = ["The printer in the warehouse prints every label twice."]
    assert check("The warehouse printer prints labels twice.", said, EN).support is Support.SUPPORTED
    assert check("The warehouse printer prints labels badly and slowly.", said, EN).support is Support.PARTLY
    assert check("Management fears enormous penalties.", said, EN).support is Support.UNSUPPORTED


@pytest.mark.parametrize(
    ("claim", "said", "support"),
    [
        ("Péter lefoglalja a két tanfolyamot.", "Igen, lefoglalom a két tanfolyamot.", Support.SUPPORTED),
        ("Az új változatot 17-én adják ki.", "Tizenhetedikén adjuk ki az új változatot.", Support.SUPPORTED),
        ("A tetőt nem javítják meg.", "A tetőt az olcsóbb cég javítja meg.", Support.UNSUPPORTED),
    ],
)
def test_hungarian_claims_are_read_through_their_endings(claim: str, said: str, support: Support) -> None:
    """Suffixes are no invention, a denial is."""
    assert check(claim, [said], HU, speakers=["Péter"]).support is support


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("Péter", "Péternek", True),
        ("Anna", "Annával", True),
        ("Kovács", "Kováccsal", True),
        ("György", "Györggyel", True),
        ("Tamás", "Tamással", True),
        ("Péter", "Péterékkel", True),
        ("Ottó", "Ottóval", True),
        ("Anna", "Andrea", False),
        ("Anna", "Annamária", False),
        ("Kovács", "Kovácsné", False),
        ("Kis", "Kiss", False),
    ],
)
def test_a_declined_name_is_the_same_name(left: str, right: str, same: bool) -> None:
    """Hungarian names take endings, a final a or e grows longer, and -val takes over the last consonant."""
    assert same_name(left, right, HU) is same
    assert same_name(right, left, HU) is same


@pytest.mark.parametrize(
    ("left", "right", "same"), [("Tom", "Tom's", True), ("Rob", "Robert", False), ("Ann", "Anna", False)]
)
def test_an_english_name_is_no_other_one_that_begins_alike(left: str, right: str, same: bool) -> None:
    """English names take a possessive and nothing else."""
    assert same_name(left, right, EN) is same


def test_a_quotation_is_found_whatever_its_punctuation_and_never_inside_a_word() -> None:
    """Words count; commas and capitals do not."""
    assert quoted("yes, I will", "Yes. I will do it")
    assert not quoted("rest", "the restaurant")
    assert not quoted("", "anything")


@settings(deadline=None)
@given(st.text(alphabet=st.characters(categories=["L", "Nd", "P", "Zs"]), max_size=120))
def test_a_sentence_supports_itself_or_says_nothing(text: str) -> None:
    """No text is unsupported by itself for a number, name or time that it contains."""
    for words in (EN, HU):
        assert not [one for one in check(text, [text], words).missing if one != "words"]
