"""The worker's handle on the fork server: starts it, asks it for a child, learns how the child ended."""

import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from appliance.meetings.errors import DecoderUnavailable

START_TIMEOUT_S = 60.0


@dataclass(slots=True)
class Child:
    """One jailed process with its data socket; leaving the context kills it if it still runs."""

    data: socket.socket
    lifeline: socket.socket

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.data.close()
        self.lifeline.close()

    def exit_code(self, *, timeout_s: float = 10.0) -> int | None:
        """How it ended: 0 or more for an exit, the negative signal number for a death, None when nobody reported."""
        self.lifeline.settimeout(timeout_s)
        try:
            report = self.lifeline.recv(16)
        except OSError:
            return None
        return int(report) if report.lstrip(b"-").isdigit() else None


class ForkServer:
    """Starts jailed children; shared by the threads of a process.

    The server is a program of its own, started with an empty environment, and ends when this process does.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.measures: frozenset[str] = frozenset()

    def start_child(self, request: dict[str, Any]) -> Child:
        """A child at work on ``request``.

        Raises:
            DecoderUnavailable: the fork server cannot be started.
        """
        data, child_data = socket.socketpair()
        lifeline, child_lifeline = socket.socketpair()
        try:
            self._send(json.dumps(request).encode(), [child_data.fileno(), child_lifeline.fileno()])
        except BaseException:
            data.close()
            lifeline.close()
            raise
        finally:
            child_data.close()
            child_lifeline.close()
        return Child(data, lifeline)

    def close(self) -> None:
        """End the fork server; children at work end with their own sockets."""
        with self._lock:
            self._stop()

    def _send(self, message: bytes, descriptors: list[int]) -> None:
        with self._lock:
            for is_last_try in (False, True):
                control = self._control or self._start()
                try:
                    socket.send_fds(control, [message], descriptors)
                except OSError as error:
                    self._stop()
                    if is_last_try:
                        raise DecoderUnavailable(reason=str(error)) from error
                else:
                    return

    def _start(self) -> socket.socket:
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # our own module, fixed arguments
                [sys.executable, "-I", "-m", "appliance.adapters.media.zygote", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                cwd="/",
                start_new_session=True,
            )
        control.settimeout(START_TIMEOUT_S)
        try:
            measures = control.recv(256).decode()
        except OSError as error:
            control.close()
            raise DecoderUnavailable(reason="it did not start in time") from error
        if not measures:
            control.close()
            raise DecoderUnavailable(reason=f"it ended at once with status {self._process.wait()}")
        control.settimeout(None)
        self.measures = frozenset(measures.split())
        self._control = control
        return control

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
