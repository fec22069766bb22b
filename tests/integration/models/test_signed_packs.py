"""A signed pack comes in like any other, once it is clear who signed it; a spoiled one does not."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.entry.signed_packs import SignedPack, open_pack
from appliance.models.errors import HashMismatch
from appliance.models.model import InstalledPack, Provenance
from appliance.models.service import ModelRegistry
from appliance.releases import errors
from appliance.releases.model import Purpose
from images.bundle.models import make_pack
from tests.factories.bundles import Maker
from tests.factories.packs import FILES, a_folder, a_pack, a_tar, members

MAKER = Maker(purposes=(Purpose.MODELS,), not_before=datetime.now(UTC) - timedelta(days=1), days=2)


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    """A machine that trusts the maker."""
    MAKER.signer(tmp_path / "trust")
    return tmp_path / "trust"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[ModelRegistry]:
    return ModelRegistry(tmp_path / "models")


def shipped(where: Path, maker: Maker = MAKER, **options: int) -> Path:
    """The signed archive of a pack that is installed at the maker's; its first part."""
    installed = ModelRegistry(where / "maker").import_pack(a_folder(where / "files", members(a_pack())))
    return make_pack(installed, where / "dist", maker.signer(where / "keys"), **options)[0]


def import_signed(registry: ModelRegistry, source: Path, trust: Path) -> InstalledPack:
    with open_pack(source, trust_folder=trust) as opened:
        return registry.import_pack(opened)


@pytest.mark.parametrize("options", [{}, {"part_bytes": 2000}], ids=["whole", "parts"])
def test_a_signed_pack_comes_in(registry: ModelRegistry, trust: Path, tmp_path: Path, options: dict[str, int]):
    """As one archive or in parts, with the very files that the maker had."""
    pack = import_signed(registry, shipped(tmp_path, **options), trust)
    assert {file.path: (pack.path / file.path).read_bytes() for file in pack.pack.files} == FILES
    assert pack.provenance is Provenance.MANIFEST


def test_making_a_pack_twice_gives_the_same_bytes(tmp_path: Path):
    """Time, owner and place of making leave no trace."""
    installed = ModelRegistry(tmp_path / "maker").import_pack(a_folder(tmp_path / "files", members(a_pack())))
    signer = MAKER.signer(tmp_path / "keys")
    (one,), (two,) = (make_pack(installed, tmp_path / name, signer) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert [path.name for path in (tmp_path / "one").iterdir()] == [one.name]


def test_an_unsigned_pack_comes_in_as_before(registry: ModelRegistry, trust: Path, tmp_path: Path):
    """Archives of anybody's are imported by their hashes alone."""
    archive = a_tar(tmp_path / "pack.tar", members(a_pack()))
    with open_pack(archive, trust_folder=trust) as opened:
        assert opened == archive
    assert import_signed(registry, archive, trust).name == a_pack().name


@pytest.mark.parametrize(
    ("maker", "expected"),
    [
        (Maker(purposes=(Purpose.MODELS,), not_before=MAKER.not_before), errors.TooFewRootSignatures),
        (replace(MAKER, purposes=(Purpose.BUNDLE,)), errors.ReleaseKeyPurpose),
        (replace(MAKER, root_signatures=(3,)), errors.TooFewRootSignatures),
    ],
    ids=["a stranger", "a key for bundles", "one custodian"],
)
def test_a_pack_that_the_wrong_key_signed_stays_out(
    registry: ModelRegistry, trust: Path, tmp_path: Path, maker: Maker, expected: type[Exception]
):
    """A claim to a signature that is not right is worse than none."""
    with pytest.raises(expected):
        import_signed(registry, shipped(tmp_path, maker), trust)
    assert registry.list() == ()


def test_a_changed_pack_stays_out(registry: ModelRegistry, trust: Path, tmp_path: Path):
    """One byte of the weights is enough."""
    source = shipped(tmp_path)
    source.write_bytes(source.read_bytes().replace(b"weights", b"weighty", 1))
    with pytest.raises(errors.BundleFileChanged):
        import_signed(registry, source, trust)
    assert registry.list() == ()


def test_a_stick_that_changes_its_mind_is_caught(registry: ModelRegistry, trust: Path, tmp_path: Path):
    """What was exchanged after the check does not have the signed hash on its way in."""
    folder = MAKER.pack(tmp_path / "pack", members(a_pack()))
    with ExitStack() as stack:
        opened = stack.enter_context(open_pack(folder, trust_folder=trust))
        assert isinstance(opened, SignedPack)
        (folder / "model.bin").write_bytes(b"weighty" * 1000)
        with pytest.raises(HashMismatch):
            registry.import_pack(opened)
    assert registry.list() == ()


def test_a_signed_manifest_with_other_hashes_is_refused(trust: Path, tmp_path: Path):
    """Manifest and list of checksums speak of the same files."""
    folder = MAKER.pack(tmp_path / "pack", members(a_pack(files={**FILES, "model.bin": b"else"})) | dict(FILES))
    with pytest.raises(errors.BundleFileChanged), open_pack(folder, trust_folder=trust):
        pass


def test_a_machine_without_root_keys_wants_their_fingerprint(tmp_path: Path):
    """The fingerprint of the printed sheet is enough."""
    source = shipped(tmp_path)
    with pytest.raises(errors.TrustMissing), open_pack(source, trust_folder=tmp_path / "none"):
        pass
    with open_pack(source, trust_folder=tmp_path / "none", fingerprint=MAKER.trust.fingerprint) as opened:
        assert isinstance(opened, SignedPack)
