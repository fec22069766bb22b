"""What meetings need from the outside: a look into a media file, and its sound."""

from collections.abc import Iterator
from typing import BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from appliance.meetings.model import MediaInfo

Samples = npt.NDArray[np.int16]
"""Mono sound at 16 kHz, 16 bits a sample."""


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

        A refusal can also come at the end, when a recording turns out to break off: use nothing before the iterator ends.

        Raises:
            MediaRefused: one subclass per reason; see ``meetings/errors.py``.
            DecoderUnavailable: the decoder itself is missing.
        """
        ...
