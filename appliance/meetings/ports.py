"""What meetings need from the outside: a look into a media file, its sound, and a place for recordings."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from appliance.meetings.model import MediaInfo

Samples = npt.NDArray[np.int16]
"""Mono sound at 16 kHz, 16 bits a sample."""


class Sound(Protocol):
    """A recording as ``Samples`` that may be too long to hold: read in stretches, and cheaply only forwards.

    A stretch is a slice without a step, of at most six minutes. Every array of samples is a ``Sound``.
    """

    def __len__(self) -> int:
        """Samples of the whole recording."""
        ...

    def __getitem__(self, stretch: slice, /) -> Samples:
        """The samples of a stretch; those beyond the ends are left out, as everywhere in Python."""
        ...


class MediaProbe(Protocol):
    """Says what a file is, without decoding it."""

    def probe(self, source: BinaryIO) -> MediaInfo:
        """What kind of recording ``source`` holds.

        Args:
            source: seekable; read by ranges, so that an encrypted recording can be opened without being written out.

        Raises:
            MediaRefused: one subclass per reason; see ``meetings/errors.py``.
            DecoderUnavailable: the decoder itself is missing.
        """
        ...


class MediaDecoder(Protocol):
    """Turns any accepted file into plain sound."""

    def decode(self, source: BinaryIO) -> Iterator[Samples]:
        """The sound of ``source`` in blocks of mono int16 at 16 kHz, in order.

        A refusal can also come at the end, when a recording turns out to break off: use nothing before that.

        Raises:
            MediaRefused: one subclass per reason; see ``meetings/errors.py``.
            DecoderUnavailable: the decoder itself is missing.
        """
        ...


class IncomingBlob(Protocol):
    """A blob that is still being written, by one writer at a time."""

    def size(self) -> int:
        """Bytes that are there."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``; fewer at the end."""
        ...

    def append(self, data: bytes) -> None:
        """Add ``data`` at the end; durable only after ``sync``.

        Raises:
            StorageFull: the disk is full; part of ``data`` may have been written.
        """
        ...

    def sync(self) -> None:
        """Return when everything appended survives a power cut."""
        ...

    def replace(self, parts: Iterable[bytes]) -> None:
        """Put ``parts`` in the place of everything, durably and all at once."""
        ...

    def store(self) -> None:
        """Make it a stored blob: from now on it is only ever read or removed."""
        ...


class BlobStore(Protocol):
    """Keeps recordings: opaque, encrypted, written once."""

    def incoming(self, name: str) -> AbstractContextManager[IncomingBlob]:
        """The blob ``name`` for writing, made when it is not there; ours alone until the context ends.

        Raises:
            BlobBusy: another thread, process or request is writing it.
            BlobStored: it is complete.
        """
        ...

    def is_stored(self, name: str) -> bool:
        """Whether ``name`` was finished with ``store``."""
        ...

    def open(self, name: str) -> BinaryIO:
        """A stored blob for reading, seekable; the caller closes it.

        Raises:
            BlobMissing: it is not there.
        """
        ...

    def remove(self, name: str) -> None:
        """Forget ``name``, stored or incoming; nothing happens when it is not there."""
        ...

    def free_bytes(self) -> int:
        """Room for new blobs."""
        ...
