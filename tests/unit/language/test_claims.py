"""How the checker judges claims that are faithful, and claims that are false in one point."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from appliance.language.citations import Support, check
from appliance.language.lexicon import lexicon

_CLAIMS = Path(__file__).parents[2] / "quality" / "claims"


def claims(kind: str) -> list[Any]:
    """Every claim of a kind with what was said, in both languages."""
    return [
        pytest.param(language, claim, case["said"], id=f"{language}: {claim}")
        for language in ("en", "hu")
        for case in tomllib.loads((_CLAIMS / f"{language}.toml").read_text("utf-8"))["claims"]
        for claim in case.get(kind, ())
    ]


def support(language: str, claim: str, said: list[str]) -> Support:
    """The verdict, where the names of the meeting are those in what was said."""
    return check(claim, said, lexicon(language)).support


@pytest.mark.parametrize(("language", "claim", "said"), claims("false"))
def test_a_claim_that_is_false_in_one_point_never_looks_supported(language: str, claim: str, said: list[str]) -> None:
    """A number, a name, a moment, a denial, a condition or a single word makes the difference."""
    assert support(language, claim, said) is not Support.SUPPORTED


@pytest.mark.parametrize(("language", "claim", "said"), claims("faithful"))
def test_a_faithful_claim_is_borne_out_in_other_words_too(language: str, claim: str, said: list[str]) -> None:
    """Figures for number words, declined names, another order of words."""
    assert support(language, claim, said) is not Support.UNSUPPORTED


@pytest.mark.parametrize(("language", "claim", "said"), claims("known"))
def test_who_does_what_to_whom_is_beyond_comparing_words(language: str, claim: str, said: list[str]) -> None:
    """The limit that docs/minutes.md names: when this fails, the checker has become better than its description."""
    assert support(language, claim, said) is Support.SUPPORTED
