"""``python -m tests.bench.bench_keyring``: what encryption costs on the way in, out, and at a random place."""

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from pathlib import Path

from appliance.kernel.ids import MeetingId, new_uuid
from appliance.kernel.units import KIB, MIB
from appliance.keyring.model import Dek
from appliance.keyring.stream import CHUNK_BYTES, EncryptedReader, StreamSealer, chunk_count, new_header

LOOKS = 2000


def measure(size_bytes: int, path: Path) -> dict[str, float]:
    """Seal so many bytes into a file, read them back in order, and at random places."""
    dek = Dek(MeetingId(new_uuid()), os.urandom(32))
    plain = memoryview(os.urandom(size_bytes))
    seal_s = _seal(dek, plain, path)
    with EncryptedReader(path.open("rb", buffering=0), dek) as reader:
        started = time.perf_counter()
        read = sum(len(piece) for piece in reader.ranges(0, reader.size))
        read_s = time.perf_counter() - started
        assert read == size_bytes
        looks = [_look(reader) for _ in range(LOOKS)]
    return {
        "size_mib": size_bytes / MIB,
        "seal_mib_per_s": size_bytes / MIB / seal_s,
        "range_mib_per_s": size_bytes / MIB / read_s,
        "random_64k_p95_ms": statistics.quantiles(looks, n=20)[-1] * 1000,
    }


def _seal(dek: Dek, plain: memoryview, path: Path) -> float:
    header = new_header()
    sealer = StreamSealer(dek, header)
    count = chunk_count(len(plain))
    started = time.perf_counter()
    with path.open("wb", buffering=0) as file:
        file.write(header)
        for number in range(count):
            piece = plain[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]
            file.write(sealer.seal(number, piece, last=number == count - 1))
    return time.perf_counter() - started


def _look(reader: EncryptedReader) -> float:
    place = random.randrange(max(1, reader.size - 64 * KIB))  # a place to look at, no secret
    started = time.perf_counter()
    reader.seek(place)
    reader.read(64 * KIB)
    return time.perf_counter() - started


def main() -> None:
    """Print the figures as a table, or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=256, help="size of the recording")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hj-bench-") as folder:
        figures = measure(options.mib * MIB, Path(folder) / "recording")
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:<20} {value:10.2f}")


if __name__ == "__main__":
    main()
