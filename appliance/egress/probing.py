"""The attempts themselves, as a program that runs inside a process's sandbox: ``python -m appliance.egress.probing``.

Its argument is a JSON list of ``[protocol, address, port]``; it prints one of ``[outcome, error]`` in the same order.
The protocol ``self`` is a connection to a listener of its own. Standard library alone, and nothing of the house: it has
to start where almost nothing is allowed.
"""

import errno
import json
import os
import socket
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

PATIENCE_S = 1.5
NAME = "egress-test.invalid"
_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.ENETDOWN}
_REFUSED = {errno.EPERM, errno.EACCES, errno.ECONNABORTED}


def attempt(protocol: str, address: str, port: int) -> tuple[str, str]:
    """Try to send something out; what became of it, and the kernel's name for why not."""
    if protocol == "self":
        with socket.create_server((address, 0)) as listener:
            return attempt("tcp", address, listener.getsockname()[1])
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        probe = _socket(family, protocol)
    except OSError as error:
        return "no-socket", _name(error)
    with probe:
        probe.settimeout(PATIENCE_S)
        try:
            if protocol == "tcp":
                probe.connect((address, port))
                return "answered", ""
            probe.sendto(_message(protocol, family), (address, port))
        except TimeoutError:
            return "no-answer", ""
        except ConnectionRefusedError:
            return "answered", ""  # somebody out there said no
        except OSError as error:
            return _became(error), _name(error)
    return "sent", ""


def _socket(family: socket.AddressFamily, protocol: str) -> socket.socket:
    if protocol == "tcp":
        return socket.socket(family, socket.SOCK_STREAM)
    if protocol == "icmp":
        number = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
        # Root may send anything; for others there is the kernel's own echo socket, where it is allowed.
        return socket.socket(family, socket.SOCK_RAW if os.geteuid() == 0 else socket.SOCK_DGRAM, number)
    return socket.socket(family, socket.SOCK_DGRAM)


def _message(protocol: str, family: socket.AddressFamily) -> bytes:
    if protocol == "dns":
        labels = b"".join(bytes([len(part)]) + part.encode() for part in NAME.split("."))
        return struct.pack("!6H", 0x484A, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)
    if protocol == "icmp":
        kind = 128 if family == socket.AF_INET6 else 8
        # The kernel fills in ICMPv6's checksum; that of an IPv4 echo request without data is fixed.
        return struct.pack("!BBHHH", kind, 0, 0 if kind == 128 else 0xFFFF - (kind << 8), 0, 0)
    return b"\0"


def _became(error: OSError) -> str:
    if error.errno in _NO_ROUTE:
        return "no-route"
    return "refused" if error.errno in _REFUSED else "broken"


def _name(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, type(error).__name__)


def main() -> None:
    """Make all attempts at once."""
    asked = json.loads(sys.argv[1])
    with ThreadPoolExecutor(len(asked)) as pool:
        json.dump(list(pool.map(lambda one: attempt(*one), asked)), sys.stdout)


if __name__ == "__main__":
    main()
