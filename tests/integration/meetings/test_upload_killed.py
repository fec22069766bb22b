"""An upload whose receiver is killed again and again."""

import hashlib
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance.adapters.blobs import LocalBlobs
from appliance.keyring.stream import CHUNK_BYTES, EncryptedReader
from appliance.meetings.intake import Intake
from tests.fakes.sender import DEK, NAME, content, told

SIZE = 1500 * CHUNK_BYTES + 77
KILLS = 12


@pytest.mark.slow
def test_what_a_client_was_told_is_never_lost(tmp_path: Path) -> None:
    """SIGKILL at random moments: nothing that was told is missing afterwards, and the file is the one that was sent."""
    dice = random.Random(20261123)
    command = (sys.executable, "-m", "tests.fakes.sender", str(tmp_path), str(SIZE))
    blobs = LocalBlobs(tmp_path)
    interrupted = 0
    for _ in range(KILLS):
        before = told(tmp_path)
        if before == SIZE:
            break
        process = subprocess.Popen(command)
        deadline = time.monotonic() + 60
        while process.poll() is None and told(tmp_path) == before and time.monotonic() < deadline:
            time.sleep(0.001)  # it is at work
        time.sleep(dice.random() * 0.02)
        process.kill()
        interrupted += process.wait() != 0
        with blobs.incoming(NAME) as blob:
            assert Intake(blob, DEK, size_bytes=SIZE).open(trusted_bytes=told(tmp_path)) >= told(tmp_path) > before
    assert interrupted > 1
    subprocess.run(command, check=True)
    with blobs.incoming(NAME) as blob:
        intake = Intake(blob, DEK, size_bytes=SIZE)
        assert intake.open(trusted_bytes=SIZE) == SIZE
        digest = hashlib.sha256()
        intake.verify(digest)
        intake.store()
    assert digest.digest() == hashlib.sha256(content(SIZE)).digest()
    with EncryptedReader(blobs.open(NAME), DEK) as reader:
        assert reader.size == SIZE
