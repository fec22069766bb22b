"""The licence at the top of pages: told to whom it concerns, and in nobody's way."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.factories.licences import Known
from tests.factories.portal import Portal


def page(portal: Portal, days: int, path: str = "/meetings", *, language: str = "en") -> tuple[int, str]:
    """Status and text of a page that an administrator opens that day."""
    told = Portal(replace(portal.services, licence=Known(days)), portal.people)
    session = portal.people.administrator("anna@example.org")
    with told.browser() as browser:
        answer = browser.become(session).http.get(path, headers={"accept-language": language})
    return answer.status_code, answer.text


@pytest.mark.parametrize(
    ("days", "language", "words"),
    [(-5, "en", "The licence ends on"), (5, "hu", "A licenc lejárt"), (40, "en", "New recordings are not taken.")],
)
def test_an_administrator_is_told(portal: Portal, days: int, language: str, words: str) -> None:
    """In their language, with what to type."""
    status, text = page(portal, days, language=language)
    assert status == 200
    assert words in text
    assert "hangjegyzet licence install FILE" in text


def test_long_before_its_end_nothing_is_told(portal: Portal) -> None:
    """No line that people learn to overlook."""
    assert "licence install" not in page(portal, -100)[1]


def test_nobody_who_is_not_signed_in_is_told(portal: Portal) -> None:
    """Whose licence ended is no stranger's business."""
    told = Portal(replace(portal.services, licence=Known(40)), portal.people)
    portal.people.administrator("anna@example.org")
    with told.browser() as stranger:
        answer = stranger.http.get("/sign-in", headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert "licence" not in answer.text.lower().replace("license", "")


def test_a_portal_without_a_licence_file_answers_as_ever(portal: Portal, tmp_path: Path) -> None:
    """On a trial there is no file, and no line."""
    status, text = page(portal, -100, "/models")
    assert status == 200
    assert "banner" not in text
