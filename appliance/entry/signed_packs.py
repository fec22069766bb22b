"""Packs of models that somebody signed: checked like a bundle, then imported like any other pack."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from appliance.kernel.clock import SystemClock
from appliance.models.archives import PackSource
from appliance.models.manifest import MAX_MANIFEST_BYTES, read_manifest
from appliance.models.model import MANIFEST_NAME
from appliance.releases.contents import claims_signature, open_contents
from appliance.releases.errors import BundleFileChanged
from appliance.releases.model import Purpose
from appliance.releases.trust import TRUST_PATH
from appliance.releases.verification import Signed, trust_for, verify_signed


@contextmanager
def open_pack(
    source: Path, *, fingerprint: str | None = None, trust_folder: Path = TRUST_PATH
) -> Iterator[Path | PackSource]:
    """What to import from ``source``: the files that were signed, or the path itself where nobody signed anything.

    Args:
        fingerprint: of the root keys, where the machine trusts none yet and a person confirmed those that came along.

    Raises:
        Corrupt, Refused, Invalid: it claims a signature that is not right; one class per reason.
    """
    if not claims_signature(source):
        yield source
        return
    with open_contents(source) as contents:
        trust = trust_for(contents, folder=trust_folder, fingerprint=fingerprint)
        yield SignedPack(verify_signed(contents, purpose=Purpose.MODELS, trust=trust, now=SystemClock().now()))


class SignedPack:
    """The files of a signed pack. Its manifest is the signed one, and names the signed hash of every file.

    So what the import compares on its way in is what was signed, even if the stick answers differently by then.
    """

    def __init__(self, signed: Signed) -> None:
        self._signed = signed
        self._manifest = signed.read(MANIFEST_NAME, limit_bytes=MAX_MANIFEST_BYTES)
        for file in read_manifest(self._manifest, source=self.label).shipped:
            if signed.sums.get(file.path) != file.sha256:
                raise BundleFileChanged(source=self.label, path=file.path)

    @property
    def label(self) -> str:
        return self._signed.contents.label

    def sizes(self) -> dict[str, int]:
        return dict(self._signed.contents.sizes())

    def members(self) -> Iterator[tuple[str, IO[bytes]]]:
        yield MANIFEST_NAME, io.BytesIO(self._manifest)
        for path in self._signed.sums:
            if path != MANIFEST_NAME:
                with self._signed.contents.open(path) as stream:
                    yield path, stream
