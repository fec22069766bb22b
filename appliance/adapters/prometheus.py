"""The metrics' page for Prometheus, made by its own client library; on a listener that asks for a token where it must.

Imported only where metrics are switched on: the library costs a process some megabytes.
"""

import hmac
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app, multiprocess
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from appliance.telemetry.model import METRICS, Reading

PATH = "/metrics"


class ReadingCollector(Collector):
    """Turns a reading into families of metrics, whenever somebody asks."""

    def __init__(self, read: Callable[[], Reading]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Every gauge that there is a figure for."""
        now = self._read()
        yield _gauge("hangjegyzet_info", [((now.version,), 1)])
        yield _gauge("hangjegyzet_health_severity", [((one.check,), one.severity) for one in now.health])
        ages = [((one.check,), max(0.0, (now.at - one.at).total_seconds())) for one in now.health]
        yield _gauge("hangjegyzet_health_age_seconds", ages)
        if now.waiting is not None:
            yield _gauge("hangjegyzet_queue_waiting_steps", [((), now.waiting)])
            yield _gauge("hangjegyzet_queue_longest_wait_seconds", [((), now.longest_wait_s)])
            yield _gauge("hangjegyzet_jobs_given_up", [((), now.given_up)])
            yield _gauge("hangjegyzet_queues_without_worker", [((), now.without_worker)])
        quantiles = [
            ((one.step, quantile), figure)
            for one in now.steps
            for quantile, figure in (("0.5", one.median_s), ("0.95", one.slow_s))
        ]
        yield _gauge("hangjegyzet_step_work_seconds", quantiles)
        yield _gauge("hangjegyzet_step_realtime_factor", [((one.step,), one.realtime_factor) for one in now.steps])
        if now.backup_at is not None:
            yield _gauge("hangjegyzet_backup_age_seconds", [((), (now.at - now.backup_at).total_seconds())])
        yield _gauge("hangjegyzet_disk_free_bytes", [((one,), size) for one, size in (now.free_bytes or {}).items()])


def serve_metrics(host: str, port: int, *, token: str, read: Callable[[], Reading], shared: Path | None) -> WSGIServer:
    """A server for the page; the caller lets it serve.

    Args:
        token: what a caller has to bear; empty asks for none.
        shared: folder in which the portal counts its requests.
    """
    registry = CollectorRegistry()
    registry.register(ReadingCollector(read))
    if shared is not None:
        multiprocess.MultiProcessCollector(registry, path=str(shared))  # type: ignore[no-untyped-call]  # theirs is untyped
    server = make_server(host, port, guarded(make_wsgi_app(registry), token), _Server, _Quiet)
    server.daemon_threads = True
    return server


def guarded(page: Any, token: str) -> Any:
    """The page for those who bear the token, at its one address."""

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != PATH or environ.get("REQUEST_METHOD") != "GET":
            start("404 Not Found", [("Content-Type", "text/plain")])
            return [b"There is /metrics.\n"]
        given = str(environ.get("HTTP_AUTHORIZATION", "")).encode("latin-1", "replace")
        if token and not hmac.compare_digest(given, f"Bearer {token}".encode()):
            start("401 Unauthorized", [("Content-Type", "text/plain"), ("WWW-Authenticate", "Bearer")])
            return [b"A token is needed.\n"]
        answer: Iterable[bytes] = page(environ, start)
        return answer

    return app


class _Server(ThreadingMixIn, WSGIServer):
    request_queue_size = 16

    def __init__(self, address: tuple[str, int], handler: type[WSGIRequestHandler]) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)


class _Quiet(WSGIRequestHandler):
    timeout = 10

    def log_message(self, *_: Any) -> None:
        """Who scrapes is nobody's news."""


def _gauge(name: str, figures: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    labels, meaning = METRICS[name]
    family = GaugeMetricFamily(name, meaning, labels=labels)
    for values, figure in figures:
        family.add_metric(values, figure)
    return family
