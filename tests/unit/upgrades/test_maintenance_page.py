"""The page that stands in for the portal: both languages, when it ends, and nothing that foreign bytes could break."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.maintenance.notice import Notice, read_notice
from web.maintenance.server import Maintenance

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def answered(head: bytes, notice: Notice) -> tuple[str, dict[str, str], str]:
    """Status line, fields and body."""
    head_out, _, body = Maintenance(lambda: notice, lambda: NOW).answer(head).partition(b"\r\n\r\n")
    status, *fields = head_out.decode().split("\r\n")
    return status, dict(field.split(": ", 1) for field in fields), body.decode()


def test_people_are_told_in_both_languages_until_when() -> None:
    """503, when to ask again, minutes in Hungarian and English, and the page comes back by itself."""
    status, fields, page = answered(b"GET /meetings HTTP/1.1\r\n\r\n", Notice(NOW + timedelta(seconds=90)))
    assert status.endswith("503 Service Unavailable")
    assert (fields["Retry-After"], fields["Refresh"], fields["Cache-Control"]) == ("22", "22", "no-store")
    assert "legfeljebb 2 percig" in page
    assert "at most 2 minutes" in page


def test_a_time_that_has_passed_is_not_repeated() -> None:
    """It takes longer than planned, and says so."""
    _, _, page = answered(b"GET / HTTP/1.1\r\n\r\n", Notice(NOW - timedelta(seconds=1)))
    assert "tovább tart" in page
    assert "longer than planned" in page


def test_programs_are_told_as_the_api_tells() -> None:
    """Problem details with a code of their own, so that a client waits and goes on."""
    status, fields, body = answered(b"PUT /api/v1/uploads/1?offset=0 HTTP/1.1\r\n\r\n", Notice())
    assert status.endswith("503 Service Unavailable")
    assert fields["Content-Type"] == "application/problem+json"
    assert json.loads(body)["code"] == "web.maintenance"


@given(st.binary(max_size=200))
def test_whatever_comes_in_gets_an_answer(head: bytes) -> None:
    """No bytes break it."""
    assert Maintenance(Notice, lambda: NOW).answer(head).startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize(
    "said", [b"", b"[]", b"{", b'{"until": 7}', b'{"until": "soon"}', b'{"until": "2026-01-01"}', b"\xff"]
)
def test_a_damaged_notice_is_a_page_without_a_time(tmp_path: Path, said: bytes) -> None:
    """The page has to come up, whatever lies there."""
    (tmp_path / "notice").write_bytes(said)
    assert read_notice(tmp_path / "notice") == Notice()
    assert read_notice(tmp_path / "none") == Notice()
