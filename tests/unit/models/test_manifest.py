"""Manifests survive a round trip, and refuse what must not get in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.models.catalogue import catalogue
from appliance.models.errors import ManifestInvalid
from appliance.models.manifest import read_manifest, write_manifest
from appliance.models.model import Fitness, LanguageNote, Pack, PackFile, PackKind
from tests.factories.packs import a_pack

MINIMAL = 'name = "x"\nkind = "speech"\ntitle = "X"\nengine = "gguf"\nlicence = "MIT"\n[[files]]\npath = "{path}"\n'

texts = st.text(max_size=60)
packs = st.builds(
    Pack,
    name=st.from_regex(r"\A[a-z0-9][a-z0-9._-]{0,20}\Z"),
    kind=st.sampled_from(PackKind),
    title=texts,
    engine=texts,
    licence=texts,
    source=texts,
    devices=st.lists(texts, max_size=3).map(tuple),
    memory_bytes=st.integers(0, 2**40),
    context_tokens=st.none() | st.integers(1, 2**20),
    files=st.lists(
        st.builds(
            PackFile,
            path=st.from_regex(r"\A[a-z]{1,8}(/[a-z]{1,8}\.bin)?\Z"),
            sha256=st.none() | st.from_regex(r"\A[0-9a-f]{64}\Z"),
            size_bytes=st.none() | st.integers(0, 2**50),
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda file: file.path,
    ).map(tuple),
    languages=st.dictionaries(texts, st.builds(LanguageNote, fitness=st.sampled_from(Fitness), note=texts), max_size=3),
)


@given(packs)
def test_a_written_manifest_reads_back_equal(pack):
    """Whatever a manifest holds, writing and reading it changes nothing."""
    assert read_manifest(write_manifest(pack), source="test") == pack


@pytest.mark.parametrize("pack", catalogue().values(), ids=catalogue())
def test_known_packs_are_well_formed(pack):
    """Every entry of the catalogue names its files' sources and says something about languages."""
    assert pack.source
    assert pack.languages


@pytest.mark.parametrize(
    "path", ["../evil", "a/../../evil", "/etc/passwd", "a\\\\b", "a/./b", "", ".hidden", "a/", "a//../b"]
)
def test_a_path_that_leaves_the_pack_is_refused(path):
    """A manifest cannot name a file outside of its own folder."""
    with pytest.raises(ManifestInvalid):
        read_manifest(MINIMAL.format(path=path).encode(), source="test")


@pytest.mark.parametrize(
    "line",
    [
        'sha256 = "abc"',
        "size_bytes = -1",
        'surprise = "x"',
        'derived_from = "absent.bin"',
        '[languages.en]\nfitness = "great"',
    ],
)
def test_a_malformed_value_is_refused(line):
    """An unknown key, a bad hash, an impossible size or an unknown word is an error and never ignored."""
    with pytest.raises(ManifestInvalid):
        read_manifest((MINIMAL.format(path="model.bin") + line + "\n").encode(), source="test")


@pytest.mark.parametrize("data", [b"\xff\xfe", b"[[[", b"x = 1\n" * 300_000, b""])
def test_what_is_no_manifest_is_refused(data):
    """Bytes that are no TOML, no UTF-8 or absurdly many are refused with a reason."""
    with pytest.raises(ManifestInvalid):
        read_manifest(data, source="test")


def test_a_file_cannot_be_declared_twice():
    """Two hashes for one path would leave open which one counts."""
    data = MINIMAL.format(path="a.bin") + '[[files]]\npath = "a.bin"\n'
    with pytest.raises(ManifestInvalid, match="twice"):
        read_manifest(data.encode(), source="test")


def test_a_role_belongs_to_its_kind():
    """A speech pack cannot take the seat of the diarizer."""
    with pytest.raises(ValueError, match="no role"):
        a_pack(role="voices")


@pytest.mark.parametrize(
    ("language", "fitness"), [("en", "fit"), ("en-GB", "fit"), ("HU", "unfit"), ("hu-HU", "unfit"), ("fi", "unknown")]
)
def test_fitness_goes_by_the_primary_language(language, fitness):
    """A regional variant is judged as its language; what nobody measured is unknown."""
    assert a_pack().fitness(language).fitness == fitness
