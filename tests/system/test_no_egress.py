"""The whole engine job runs where there is no network at all, and nothing in it ever tries to reach one."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import av
import pytest

from appliance.models.location import starter_path
from appliance.models.model import PackKind, Role
from appliance.quality.samples import sample_meeting
from appliance.quality.words import word_error_rate
from tests.factories.packs import starter_pack

ROOT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("hangjegyzet")
LOOPBACK_ONLY = """
import fcntl, os, socket, struct, sys
# SIOCSIFFLAGS (linux/sockios.h) with IFF_UP | IFF_RUNNING: the one interface that a new namespace has.
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 0x41) + bytes(22))
os.execv(sys.argv[1], sys.argv[1:])
"""
NETWORK_CALLS = "connect,sendto,sendmsg,sendmmsg"
CAN_TRACE = (
    shutil.which("strace") is not None and subprocess.run(["strace", "true"], capture_output=True).returncode == 0
)
needs_trace = pytest.mark.skipif(
    not CAN_TRACE, reason="no strace, or it may not trace here; the namespace stands alone"
)
pytestmark = [pytest.mark.models, pytest.mark.slow, pytest.mark.timeout(900)]


def isolated(*command: str | Path) -> list[str]:
    """The command in a network namespace of its own: no interface but a loopback that is down, so no route anywhere."""
    own_user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--net", *own_user, *map(str, command)]


@pytest.fixture(scope="module", autouse=True)
def namespaces():
    if subprocess.run(isolated("true"), capture_output=True, check=False).returncode != 0:
        pytest.skip("this kernel or container does not let us make network namespaces")


@pytest.fixture(scope="module")
def environment():
    starter_pack(PackKind.SPEECH)
    starter_pack(PackKind.SPEAKERS, Role.TURNS)
    starter_pack(PackKind.SPEAKERS, Role.VOICES)
    # The hub's switch is ours to set: the caller's environment must not be what keeps us offline.
    hidden = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    return {**hidden, "HANGJEGYZET_MODELS_DIR": str(starter_path())}


@pytest.fixture(scope="module")
def excerpt(tmp_path_factory):
    """The first half minute of the sample meeting, three voices."""
    target = tmp_path_factory.mktemp("audio") / "excerpt.opus"
    with av.open(str(sample_meeting().audio)) as source, av.open(str(target), "w", format="ogg") as sink:
        stream = sink.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.dts is not None and packet.pts * packet.time_base < 41:
                packet.stream = stream
                sink.mux(packet)
    return target


def test_a_namespace_has_no_way_out():
    """The place in which the job runs really has no network: a connection from it fails at once."""
    attempt = "import socket; socket.create_connection(('192.0.2.1', 443), 2)"
    assert subprocess.run(isolated(sys.executable, "-c", attempt), capture_output=True, check=False).returncode != 0


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """Where the trace of the run lies, if there is one."""
    return tmp_path_factory.mktemp("trace") / "calls"


@pytest.fixture(scope="module")
def heard(environment, excerpt, calls):
    """What came out of a run in a namespace without a network, with every call to a network written down."""
    trace = ["strace", "--follow-forks", "--trace", NETWORK_CALLS, "--output", str(calls)] if CAN_TRACE else []
    done = subprocess.run(
        isolated(*trace, COMMAND, "speech", "run", excerpt, "--json"),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_speech_runs_without_a_network(heard):
    """Transcript and speakers of a recording come out of a process that has no network."""
    said = " ".join(turn.text for turn in sample_meeting().turns[:3])
    assert word_error_rate(said, " ".join(segment["text"] for segment in heard["segments"])).rate < 0.15
    assert len({segment["speaker"] for segment in heard["segments"]}) == 3


@needs_trace
def test_speech_never_even_tries(heard, calls):
    """Not one system call of the job, or of its children, addresses anything but a socket of this machine."""
    assert heard["segments"]
    assert [line for line in calls.read_text().splitlines() if "AF_INET" in line] == []


@needs_trace
def test_the_trace_would_show_an_attempt(tmp_path):
    """A process that does call out is seen by the same trace: the test before this one can fail."""
    log = tmp_path / "calls"
    attempt = (
        f"import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('127.0.0.1', {free_port()}))"
    )
    subprocess.run(
        ["strace", "--follow-forks", "--trace", NETWORK_CALLS, "--output", str(log), sys.executable, "-c", attempt],
        check=True,
    )
    assert "AF_INET" in log.read_text()


def test_the_whole_demo_runs_without_a_network(environment, excerpt, tmp_path):
    """Database, portal, workers, minutes: a meeting goes through all of it over the loopback and nothing else."""
    starter_pack(PackKind.LANGUAGE)
    demo = [COMMAND, "demo", "--once", "--file", excerpt, "--language", "en", "--folder", tmp_path / "demo"]
    done = subprocess.run(
        isolated(sys.executable, "-c", LOOPBACK_ONLY, *demo),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    minutes = json.loads((tmp_path / "demo" / "minutes.json").read_text())
    assert minutes["language"] == "en"
    assert json.loads((tmp_path / "demo" / "transcript.json").read_text())["segments"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
