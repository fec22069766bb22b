"""A release that is what it says may still not be one for this machine now."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.releases import errors
from appliance.releases.model import Manifest as ReleaseManifest
from appliance.releases.model import SchemaRange, Version, read_document, write_document
from appliance.releases.policy import HighWaterMark, Installed, require_new_enough, require_step, require_target
from tests.factories.bundles import TARGET, Maker, a_manifest

versions = st.builds(
    Version, st.integers(0, 9999), st.integers(0, 9999), st.integers(0, 9999), st.integers(1, 99) | st.just(100)
)


@given(versions)
def test_a_written_version_reads_back_equal(version: Version):
    """Text and value are two sides of one thing."""
    assert Version.parse(str(version)) == version


def test_versions_are_in_order():
    """By number and not by letter; candidates come before their release."""
    written = ["0.9.10", "0.10.0-rc.1", "0.10.0-rc.2", "0.10.0", "0.10.1", "1.0.0"]
    assert sorted(sorted(written), key=Version.parse) == written


@pytest.mark.parametrize("text", ["", "1", "1.2", "1.2.3.4", "v1.2.3", "1.2.3-rc.0", "1.2.3-beta", "1.2.3\n", "1.-2.3"])
def test_what_is_no_version_is_refused(text: str):
    """There is one way to write a version."""
    with pytest.raises(ValueError):
        Version.parse(text)


@pytest.mark.parametrize(("seq", "high", "taken"), [(7, 0, True), (7, 7, True), (7, 8, False), (8, 7, True)])
def test_a_number_never_goes_down(seq: int, high: int, taken: bool):
    """The same release again is an installation resumed; an older one is a replay."""
    manifest = a_manifest(release_seq=seq)
    if taken:
        require_new_enough(manifest, high)
    else:
        with pytest.raises(errors.ReleaseReplayed):
            require_new_enough(manifest, high)


@pytest.mark.parametrize(
    ("new", "min_from", "old", "expected"),
    [
        ("1.4.0", "1.2.0", "1.2.0", None),
        ("1.4.0", "1.2.0", "1.3.9", None),
        ("1.4.0", "1.2.0", "1.4.0", None),
        ("1.4.0", "1.2.0", "1.4.0-rc.1", None),
        ("1.4.0", "1.0.0", "1.1.9", errors.ReleaseStepTooLarge),
        ("1.4.0", "1.3.0", "1.2.9", errors.ReleaseStepTooLarge),
        ("1.4.0", "1.2.0", "1.4.1", errors.ReleaseIsOlder),
        ("1.4.0-rc.1", "1.2.0", "1.4.0", errors.ReleaseIsOlder),
        ("2.0.0", "1.9.0", "1.9.3", None),
        ("2.0.0", "1.9.0", "1.8.3", errors.ReleaseStepTooLarge),
        ("0.2.0", "0.0.1", "0.1.0", None),
    ],
)
def test_a_step_is_as_far_as_it_was_tested(new: str, min_from: str, old: str, expected: type[Exception] | None):
    """Two minor versions at most, never below what the release asks for, and never back."""
    manifest = a_manifest(version=new, min_from=min_from)
    installed = Installed(Version.parse(old))
    if expected is None:
        require_step(manifest, installed)
    else:
        with pytest.raises(expected):
            require_step(manifest, installed)


@pytest.mark.parametrize(("found", "taken"), [("0003", False), ("0004", True), ("0008", True), ("0009", False)])
def test_a_database_has_to_be_one_that_the_release_knows(found: str, taken: bool):
    """Too old to take over, or newer than the release itself."""
    manifest = a_manifest(schema=SchemaRange(oldest="0004", newest="0008"))
    installed = Installed(Version.parse("0.2.0"), schema=found)
    if taken:
        require_step(manifest, installed)
    else:
        with pytest.raises(errors.ReleaseSchemaUnsupported):
            require_step(manifest, installed)


def test_a_release_for_another_system_is_refused():
    """The wheels and packages inside fit one system."""
    require_target(a_manifest(), TARGET)
    with pytest.raises(errors.WrongTarget, match="debian 13"):
        require_target(a_manifest(), type(TARGET)(os="debian", os_version="13", arch="amd64", python="3.13"))


def test_the_high_water_mark_is_a_number_or_an_error(tmp_path: Path):
    """Where nothing was installed it is 0; what cannot be read is no reason to forget it."""
    mark = HighWaterMark(tmp_path / "high_seq")
    assert mark.read() == 0
    (tmp_path / "high_seq").write_text("41\n")
    assert mark.read() == 41
    for text in ("", "x", "-1\n", "1\n2\n", "\u0661", "9" * 17):
        (tmp_path / "high_seq").write_text(text, encoding="utf-8")
        with pytest.raises(errors.HighWaterMarkDamaged):
            mark.read()


def test_documents_read_back_equal_in_one_form_only():
    """Manifest, statement and revocations have one spelling each."""
    maker = Maker()
    for document in (a_manifest(), maker.statement, maker.revoking(maker).revocations):
        data = write_document(document)
        assert read_document(data, type(document)) == document
        for other in (data.rstrip(), data + b" ", data.replace(b": ", b":", 1), b"\xef\xbb\xbf" + data):
            with pytest.raises(ValueError):
                read_document(other, type(document))


@given(st.binary(max_size=300))
def test_noise_is_no_document(noise: bytes):
    """Whatever the bytes, one kind of error comes out."""
    with pytest.raises(ValueError):
        read_document(noise, ReleaseManifest)
