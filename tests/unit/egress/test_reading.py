"""What the tools of the system print, read: the firewall's rules, units and their sandboxes, answers of attempts."""

import json
import os
import socket
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.adapters.egress.nftables import openings, read_table
from appliance.adapters.egress.sandboxes import read_answers, read_confinement, sandbox_of
from appliance.adapters.egress.wire import ETH_P_IP, ETH_P_IPV6, LinuxWire, destination
from appliance.egress import probing
from appliance.egress.errors import ProbeFailed
from appliance.egress.model import PROBES, Outcome

CHAIN = """table inet hangjegyzet {
\tchain output {
\t\ttype filter hook output priority filter; policy drop;
\t\toif "lo" accept
\t\tct state established,related accept
\t\ticmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
\t\tcounter name "refused_out"
\t}
}
"""
UNIT = """# /etc/systemd/system/hangjegyzet-web.service
[Unit]
Description=HangJegyzet: the portal
IPAddressAllow=this is no line of the service

[Service]
Type=exec
ExecStart=/opt/x \\
    --ipaddress
LoadCredential=root.key:/etc/hangjegyzet/secrets/root.key
RuntimeDirectory=hangjegyzet
User=hangjegyzet
IPAddressDeny=any
IPAddressAllow=localhost 10.0.0.0/8
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources

# /etc/systemd/system/hangjegyzet-web.service.d/more.conf
[Service]
MemoryDenyWriteExecute=no

[Install]
WantedBy=hangjegyzet.target
"""


def test_what_nftables_says_is_read() -> None:
    """A table drops if its chain on the way out does; the counter is what it stopped."""
    chain = {"chain": {"hook": "output", "policy": "drop"}}
    counter = {"counter": {"name": "refused_out", "packets": 7, "bytes": 420}}
    assert read_table({"nftables": [{"metainfo": {}}, chain, counter]}) == (True, 7)
    assert read_table({"nftables": [{"chain": {"hook": "input", "policy": "drop"}}, counter]}) == (False, 7)
    assert read_table({"nftables": [{"chain": {"hook": "output", "policy": "accept"}}]}) == (False, 0)


def test_answers_and_neighbours_are_no_openings() -> None:
    """Every other rule is told as it stands, also one that looks alike."""
    assert openings(CHAIN) == ()
    more = 'oif "lo2" accept', "ip daddr 10.0.0.5 tcp dport 4317 accept", "accept", "ct state new accept"
    assert openings(CHAIN.replace("\t\tcounter", "".join(f"\t\t{rule}\n" for rule in more) + "\t\tcounter")) == more


def test_a_probe_stands_in_the_units_own_sandbox() -> None:
    """What it may do is copied in order; what it runs, its secrets and its folders are not."""
    assert sandbox_of(UNIT) == [
        "User=hangjegyzet",
        "IPAddressDeny=any",
        "IPAddressAllow=localhost",
        "IPAddressAllow=10.0.0.0/8",
        "SystemCallFilter=@system-service",
        "SystemCallFilter=~@privileged @resources",
        "MemoryDenyWriteExecute=no",
    ]


def test_a_sandbox_without_sockets_is_tried_with_those_that_leave_nothing() -> None:
    """systemd cannot be asked for none in passing; the machine's own sockets lead nowhere either."""
    assert sandbox_of("[Service]\nRestrictAddressFamilies=none\n") == ["RestrictAddressFamilies=AF_UNIX"]


@given(st.text(max_size=300))
def test_no_unit_breaks_the_reader(text: str) -> None:
    """Whatever stands in it, and no line that starts a program comes through."""
    assert "Exec" not in {line.partition("=")[0] for line in sandbox_of(f"[Service]\n{text}")}


@pytest.mark.parametrize(
    ("families", "allowed", "denied", "everything"),
    [
        ("AF_UNIX", "", "", False),
        ("AF_INET AF_UNIX", "127.0.0.0/8", "0.0.0.0/0 ::/0", False),
        ("AF_INET AF_UNIX", "0.0.0.0/0", "0.0.0.0/0 ::/0", True),
        ("AF_INET AF_UNIX", "", "", True),
        ("", "", "", True),
        ("~AF_PACKET", "", "", True),
    ],
)
def test_what_a_unit_may_reach(families: str, allowed: str, denied: str, everything: bool) -> None:
    """Unix sockets alone reach nobody; addresses that are allowed anyway are not denied."""
    shown = {"Id": "x.service", "RestrictAddressFamilies": families, "IPAddressAllow": allowed, "IPAddressDeny": denied}
    confinement = read_confinement(shown)
    assert confinement.reaches_everything is everything
    assert confinement.account == "root"


@pytest.mark.parametrize("answer", ["", "[]", "{}", "[1]", '[["sent"]]', '[["nonsense", ""]]', "[" * 5000])
def test_an_answer_that_cannot_be_read_is_a_failure(answer: str) -> None:
    """Silence of the one who should try is no silence."""
    with pytest.raises(ProbeFailed):
        list(read_answers("root", PROBES[:1], answer))


def test_the_program_tells_what_became_of_each_attempt() -> None:
    """A listener answers, nobody does at a closed port of ours, and an address that is none is told as broken."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        open_port = listener.getsockname()[1]
        asked = json.dumps(
            [
                ["tcp", "127.0.0.1", open_port],
                ["udp", "127.0.0.1", 9],
                ["tcp", "no address", 1],
                ["self", "127.0.0.1", 0],
            ]
        )
        command = [sys.executable, "-m", "appliance.egress.probing", asked]
        said = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert [Outcome(outcome) for outcome, _ in said] == [
        Outcome.ANSWERED,
        Outcome.SENT,
        Outcome.BROKEN,
        Outcome.ANSWERED,
    ]


def test_a_question_to_a_name_server_is_a_real_one() -> None:
    """A name server would answer it: one question for an address of a name that is none."""
    message = probing._message("dns", socket.AF_INET)
    assert message[2:12] == b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
    assert message[12:].startswith(b"\x0begress-test\x07invalid\x00")
    assert sum(int.from_bytes(probing._message("icmp", socket.AF_INET)[at : at + 2]) for at in (0, 2)) == 0xFFFF


def test_packets_are_known_by_where_they_go() -> None:
    """Both versions; what is cut off or of another kind goes nowhere."""
    four = bytes(16) + bytes([192, 0, 2, 1])
    six = bytes(24) + socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    assert destination(ETH_P_IP, four) == bytes([192, 0, 2, 1])
    assert destination(ETH_P_IPV6, six) == six[24:]
    assert destination(ETH_P_IP, four[:19]) is None
    assert destination(0x0806, four) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may watch the wire")
def test_the_wire_of_another_world_is_seen() -> None:
    """In a network of its own with a cable, a packet that leaves is counted; nothing else is."""
    script = (
        "import json, socket\n"
        "from appliance.adapters.egress.wire import LinuxWire\n"
        "with LinuxWire().watch(['192.0.2.1', '2001:db8::1']) as seen:\n"
        "    for address in ('192.0.2.1', '192.0.2.9', '127.0.0.1'):\n"
        "        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', (address, 9))\n"
        "    counted = seen()\n"
        "network = LinuxWire().network()\n"
        "print(json.dumps([counted, list(network.interfaces), list(network.gateways)]))\n"
    )
    wire = (
        "ip link set lo up; ip link add out type veth peer name far; ip link set out up; ip link set far up;"
        "ip addr add 10.9.9.2/24 dev out; ip neigh add 10.9.9.1 lladdr 02:00:00:00:00:01 dev out;"
        'ip route add default via 10.9.9.1; exec "$0" -c "$1"'
    )
    said = subprocess.run(
        ["unshare", "--net", "sh", "-euc", wire, sys.executable, script], capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(said) == [1, ["far", "out"], ["10.9.9.1 (out)"]]


def test_nobody_watches_without_the_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as unknown and not as nothing."""

    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(socket, "socket", refused)
    with LinuxWire().watch(["192.0.2.1"]) as seen:
        assert seen() is None
