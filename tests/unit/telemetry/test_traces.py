"""Traces reach a collector that really listens: ids, steps and outcomes, and not a word of an error's text."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from appliance.kernel.tracing import span, traced_by

ROOT = Path(__file__).parents[3]


class Collector(HTTPServer):
    """A small receiver of OTLP over HTTP, with the protocol's own messages."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receive)
        self.requests: list[ExportTraceServiceRequest] = []


class _Receive(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == "/v1/traces"
        assert self.headers["Content-Type"] == "application/x-protobuf"
        self.server.requests.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """One that listens on this machine."""
    with Collector() as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


SCRIPT = """
import sys
from appliance.entry.telemetry import trace_this_process
from appliance.kernel.tracing import span
from appliance.settings import Settings
assert trace_this_process(Settings(), "worker@speech")
with span("step", job="0190", step="transcribe", attempt=1):
    with span("decode"):
        pass
try:
    with span("step", job="0191", step="minutes"):
        raise ValueError("the budget of the ministry")
except ValueError:
    pass
"""


def test_spans_arrive_with_ids_and_outcomes(collector: Collector) -> None:
    """Also those of the last moment before a process ends; nested ones know their parent."""
    environment = {
        "HANGJEGYZET_MONITORING__OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        "PATH": "/usr/bin:/bin",
    }
    subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, env=environment, check=True, timeout=60)
    resources = [found for request in collector.requests for found in request.resource_spans]
    attributes = {each.key: each.value.string_value for found in resources for each in found.resource.attributes}
    assert (attributes["service.name"], attributes["process"]) == ("hangjegyzet", "worker@speech")
    spans = [one for found in resources for scope in found.scope_spans for one in scope.spans]
    by_name = {(one.name, _text(one.attributes).get("job", "")): one for one in spans}
    assert set(by_name) == {("step", "0190"), ("decode", ""), ("step", "0191")}
    assert by_name["decode", ""].parent_span_id == by_name["step", "0190"].span_id
    failed = by_name["step", "0191"]
    assert (failed.status.code, failed.status.message) == (2, "ValueError")
    assert b"budget" not in b"".join(request.SerializeToString() for request in collector.requests)


def test_nobody_listening_stops_no_work() -> None:
    """A collector that is away costs its traces, and neither time nor work."""
    environment = {"HANGJEGYZET_MONITORING__OTLP_ENDPOINT": "http://127.0.0.1:9", "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, env=environment, check=True, timeout=60)


def test_without_a_tracer_a_span_is_nothing() -> None:
    """It can stand around anything."""
    told: list[str] = []
    with span("step", job="x"):
        told.append("done")
    with traced_by(lambda name, attributes: _note(told, name)), span("step"):
        told.append("traced")
    with span("step"):
        told.append("again")
    assert told == ["done", "step", "traced", "again"]


def _note(told: list[str], name: str) -> AbstractContextManager[None]:
    told.append(name)
    return nullcontext()


def _text(attributes: object) -> dict[str, str]:
    return {each.key: each.value.string_value for each in attributes}  # type: ignore[attr-defined]  # protobuf
