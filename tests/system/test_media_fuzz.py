"""A thousand damaged files: none may crash, hang or surprise the process that decodes them."""

import collections
import io
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from appliance.adapters.media import SandboxedMedia
from appliance.meetings.errors import DecoderUnavailable, MediaRefused
from tests.factories.media import FORMATS, media_file

FILES = 1_000
SEED = 20_261_123


def flip_bits(data: bytearray, dice: random.Random, _other: bytes) -> bytes:
    for _ in range(dice.choice((1, 5, 50, 500))):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(data)


def flip_bits_of_the_header(data: bytearray, dice: random.Random, _other: bytes) -> bytes:
    for _ in range(dice.randrange(1, 12)):
        data[dice.randrange(min(400, len(data)))] = dice.randrange(256)
    return bytes(data)


def cut(data: bytearray, dice: random.Random, _other: bytes) -> bytes:
    return bytes(data[: dice.randrange(1, len(data))])


def remove_a_piece(data: bytearray, dice: random.Random, _other: bytes) -> bytes:
    start = dice.randrange(len(data))
    return bytes(data[:start] + data[start + dice.randrange(1, 4_000) :])


def repeat_a_piece(data: bytearray, dice: random.Random, _other: bytes) -> bytes:
    start = dice.randrange(len(data))
    piece = data[start : start + dice.randrange(1, 2_000)]
    return bytes(data[:start] + piece * dice.randrange(2, 9) + data[start:])


def write_extreme_numbers(data: bytearray, dice: random.Random, _other: bytes) -> bytes:
    for _ in range(dice.randrange(1, 6)):
        at = dice.randrange(max(1, min(len(data), 2_000) - 8))
        width = dice.choice((1, 2, 4, 8))
        data[at : at + width] = dice.choice((b"\xff", b"\0", b"\x7f", b"\x80")) * width
    return bytes(data)


def splice_with_another(data: bytearray, dice: random.Random, other: bytes) -> bytes:
    return bytes(data[: dice.randrange(1, len(data))]) + other[dice.randrange(len(other)) :]


MUTATIONS: tuple[Callable[[bytearray, random.Random, bytes], bytes], ...] = (
    flip_bits,
    flip_bits_of_the_header,
    cut,
    remove_a_piece,
    repeat_a_piece,
    write_extreme_numbers,
    splice_with_another,
)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_thousand_damaged_files_end_in_sound_or_a_refusal():
    """Every damaged file ends as sound or as one of our refusals, and the decoder serves the next one."""
    print(f"seed {SEED}")
    dice = random.Random(SEED)
    originals = [media_file(kind, duration_s=1.0) for kind in FORMATS]
    cases = []
    for number in range(FILES):
        mutation = MUTATIONS[number % len(MUTATIONS)]
        cases.append(mutation(bytearray(originals[number % len(originals)]), dice, dice.choice(originals)))
    media = SandboxedMedia(max_duration_s=3_600, stall_s=20)

    def outcome(data: bytes) -> tuple[str, float]:
        started = time.monotonic()
        try:
            for block in media.decode(io.BytesIO(data)):
                assert block.dtype.name == "int16"
        except DecoderUnavailable:
            raise
        except MediaRefused as refusal:
            return refusal.code, time.monotonic() - started
        return "sound", time.monotonic() - started

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(outcome, cases))
    counted = collections.Counter(code for code, _ in results)
    print(dict(counted), f"slowest {max(taken for _, taken in results):.2f} s")
    assert len(results) == FILES
    assert counted["sound"] > 100, "the mutations must reach the decoders"
    assert len(counted) >= 4, "the mutations must reach several refusals"
    assert max(taken for _, taken in results) < 30
    assert media.self_test("open").startswith("refused")
    media.close()
