"""The configuration file: what it may say, how it is changed, and what it says first."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.configuration import document
from appliance.configuration.errors import (
    ConfigurationInvalid,
    ConfigurationMissing,
    ConfigurationUnreadable,
    NotASetting,
    UnknownKey,
)
from appliance.configuration.model import Change, changes, effective, find, keys, parse_value, problems

FILE = Path("appliance.toml")


def test_every_key_has_a_meaning():
    """Whoever reads the first file or the table learns what each key is for."""
    assert [key.name for key in keys() if not key.meaning] == []
    assert {"web.port", "data_dir", "firewall.portal_from"} <= {key.name for key in keys()}


def test_a_misspelt_key_is_named_with_the_likeliest():
    """A setting that does not exist is never ignored."""
    (found,) = problems({"web": {"prot": 443}})
    assert (found.key, found.reason) == ("web.prot", "there is no such setting; do you mean web.port?")


def test_all_mistakes_are_told_at_once():
    """Nobody corrects a file five times."""
    with pytest.raises(ConfigurationInvalid) as refusal:
        document.require_valid({"web": {"port": "many"}, "speech": {"threads": -1}, "firewall": {"ssh_from": ["x"]}})
    assert refusal.value.fields["count"] == 3
    for key in ("web.port", "speech.threads", "firewall.ssh_from"):
        assert key in str(refusal.value)


def test_a_rule_over_two_keys_is_checked_too():
    """A lease that heartbeats cannot hold is refused before it is applied."""
    (found,) = problems({"jobs": {"lease_s": 10, "heartbeat_s": 9}})
    assert found.key == "jobs"


def test_the_first_file_is_valid_and_says_what_holds():
    """What is commented out has exactly the value that is shown."""
    text = document.commented({"web.port": 443})
    assert effective(tomllib.loads(text)) == effective({"web": {"port": 443}})
    shown = "\n".join(
        line.removeprefix("# ") if " = " in line and '= ""' not in line else line for line in text.splitlines()
    )
    assert effective(tomllib.loads(shown)) == effective({"web": {"port": 443}})


def test_a_change_keeps_comments_and_order():
    """What people wrote around a value stays when a program changes it."""
    before = (
        "# ours\nlanguage = 'en'\n\n[web] # the portal\nhost = '::' # everywhere\nport = 1\n\n[jobs]\nretry_s = 3.0\n"
    )
    after = document.with_value(before, "web.port", 443, path=FILE)
    assert after == before.replace("port = 1", "port = 443")


def test_a_key_in_a_new_section_and_out_again():
    """A setting can be given and taken out; the file means the same as before."""
    before = "language = 'en'\n"
    given_ = document.with_value(before, "web.port", 443, path=FILE)
    assert effective(tomllib.loads(given_))["web.port"] == 443
    taken = document.with_value(given_, "web.port", None, path=FILE)
    assert effective(tomllib.loads(taken)) == effective(tomllib.loads(before))


@pytest.mark.parametrize(("key", "value"), [("web.port", 70_000), ("firewall.portal_from", ["300.0.0.0/8"])])
def test_a_value_that_cannot_be_is_refused(key: str, value: int | list[str]):
    """The change is refused with its reason."""
    with pytest.raises(ConfigurationInvalid, match=key.split(".")[1]):
        document.with_value("", key, value, path=FILE)


def test_writing_replaces_the_whole_file_and_keeps_its_mode(tmp_path: Path):
    """After a power cut there is the old file or the new one, as closed as it was."""
    file = tmp_path / "appliance.toml"
    file.write_text("language = 'hu'\n")
    file.chmod(0o640)
    document.write(file, "language = 'en'\n")
    assert file.read_text() == "language = 'en'\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["appliance.toml"]


@pytest.mark.parametrize("content", [b"language = ", b"\xff\xfe", b"a = 1\n" * 200_000, b"x = " + b"[" * 5_000])
def test_a_file_that_is_none_is_told(tmp_path: Path, content: bytes):
    """Not TOML, not text, endless, or nested without end: each is an error with the file's name."""
    file = tmp_path / "appliance.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationUnreadable, match=r"appliance\.toml"):
        document.read(file)


def test_a_missing_file_is_told(tmp_path: Path):
    """A machine without configuration is told apart from an empty one."""
    with pytest.raises(ConfigurationMissing):
        document.read_valid(tmp_path / "appliance.toml")


def test_keys_are_found_by_name_or_refused():
    """A section is no setting, and a misspelt name gets the likeliest."""
    assert find("web.port").default == 8443
    with pytest.raises(NotASetting, match="web"):
        find("web")
    with pytest.raises(UnknownKey, match=r"web\.port"):
        find("web.prot")


@pytest.mark.parametrize(
    ("key", "typed", "value"),
    [
        ("web.port", "443", 443),
        ("language", "en", "en"),
        ("jobs.retry_s", "1.5", 1.5),
        ("firewall.ssh_from", '["10.0.0.0/8"]', ["10.0.0.0/8"]),
        ("web.public_url", "https://jegyzet.pelda.hu", "https://jegyzet.pelda.hu"),
        ("web.host", "10.1.2.3", "10.1.2.3"),
    ],
)
def test_what_is_typed_is_read_as_the_file_would(key: str, typed: str, value: object):
    """Numbers and lists as TOML writes them; text without quotes."""
    assert parse_value(key, typed) == value


def test_two_files_differ_by_what_they_mean():
    """Saying a default aloud is no change."""
    assert changes({}, {"web": {"port": 8443}}) == ()
    assert changes({}, {"web": {"port": 443}}) == (Change("web.port", 8443, 443),)


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str):
    """Whatever is in the file, it is understood or refused with the file's name."""
    try:
        data = document.parse(text, FILE)
    except ConfigurationUnreadable:
        return
    problems(data)
