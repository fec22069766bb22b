"""The fork server: FFmpeg loaded once, one jailed child per file.

Started by ``forkserver.ForkServer`` as a program of its own, so that it never shares memory with the process that holds
keys. On its control socket it receives requests, each with two descriptors: the data socket for the child, and a
lifeline over which the child's end is reported and whose closing kills the child.
"""

import contextlib
import os
import resource
import select
import signal
import socket
import sys
from typing import Any, NoReturn

from appliance.adapters.media import child, jail

MEMORY_BYTES = 1 << 30


def main(control_fd: int) -> None:
    """Serve until the control socket closes."""
    control = socket.socket(fileno=control_fd)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    child.load_everything()
    held = jail.enter_outer_jail()
    control.send(" ".join(sorted(held)).encode() or b"-")
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 4096, 2)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            _guard(child.read_request(message), data_fd=descriptors[0], lifeline_fd=descriptors[1])
        for descriptor in descriptors:
            os.close(descriptor)


def _guard(request: dict[str, Any], *, data_fd: int, lifeline_fd: int) -> NoReturn:
    """Start the child, wait for its end or for the parent's loss of interest, and report."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(lifeline_fd)
        _run_child(request, data_fd)
    os.close(data_fd)
    pid_fd = os.pidfd_open(pid)
    waiter = select.poll()
    waiter.register(pid_fd, select.POLLIN)
    waiter.register(lifeline_fd, 0)
    if all(fd == lifeline_fd for fd, _ in waiter.poll()):
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(OSError):
        os.write(lifeline_fd, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _run_child(request: dict[str, Any], data_fd: int) -> NoReturn:
    sock = socket.socket(fileno=data_fd)
    try:
        jail.enter_inner_jail(memory_bytes=MEMORY_BYTES, cpu_s=request["cpu_s"])
        if probe := request.get("self_test"):
            _self_test(sock, probe)
        else:
            child.serve(sock, size=request["size"], max_duration_s=request["max_duration_s"], decode=request["decode"])
    except MemoryError:
        os._exit(EXIT_MEMORY)
    except BaseException:  # noqa: BLE001  # the edge of a process: whatever it was, the parent reads the exit code
        os._exit(EXIT_FAILED)
    os._exit(0)


EXIT_FAILED = 1
EXIT_MEMORY = 2


def _self_test(sock: socket.socket, probe: str) -> None:
    """Try what the jail forbids and say how that went; for a health check and the tests."""
    try:
        match probe:
            case "open":
                os.close(os.open("/etc/hostname", os.O_RDONLY))
            case "write":
                os.close(os.open("/escaped", os.O_WRONLY | os.O_CREAT, 0o600))
            case "socket":
                socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
            case "fork":
                if os.fork() == 0:
                    os._exit(0)
            case "memory":
                bytearray(2 * MEMORY_BYTES)
            case "limits":
                resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            case "crash":
                os.abort()
            case "spin":
                while True:
                    pass
    except (OSError, ValueError, MemoryError) as error:
        sock.sendall(f"refused {type(error).__name__}".encode())
    else:
        sock.sendall(b"allowed")


if __name__ == "__main__":
    main(int(sys.argv[1]))
