"""The page of metrics: every figure under its documented name, only for whom it is, and no name of anybody in it."""

import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from appliance.adapters.prometheus import serve_metrics
from appliance.settings import MonitoringSettings
from appliance.telemetry.model import METRICS, HealthFigure, Reading, StepCost

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
FULL = Reading(
    at=NOW,
    version="1.2.3",
    health=(HealthFigure("disk", 2, NOW - timedelta(minutes=3)),),
    waiting=4,
    longest_wait_s=61.5,
    given_up=1,
    without_worker=0,
    steps=(StepCost("transcribe", 30.0, 80.0, 0.25),),
    backup_at=NOW - timedelta(hours=2),
    free_bytes={"/": 12345},
)
ROOT = Path(__file__).parents[3]


@contextmanager
def page(reading: Reading, *, token: str = "", shared: Path | None = None) -> Iterator[str]:
    """Its address while it is served."""
    server = serve_metrics("127.0.0.1", 0, token=token, read=lambda: reading, shared=shared)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fetch(url: str, *, token: str = "") -> str:
    """What somebody who asks sees."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        return str(answer.read().decode())


def test_every_figure_is_told_under_its_name() -> None:
    """Gauges with their labels, as Prometheus reads them."""
    with page(FULL) as url:
        told = fetch(f"{url}/metrics")
    for line in (
        'hangjegyzet_info{version="1.2.3"} 1.0',
        'hangjegyzet_health_severity{check="disk"} 2.0',
        'hangjegyzet_health_age_seconds{check="disk"} 180.0',
        "hangjegyzet_queue_waiting_steps 4.0",
        "hangjegyzet_queue_longest_wait_seconds 61.5",
        'hangjegyzet_step_work_seconds{quantile="0.95",step="transcribe"} 80.0',
        'hangjegyzet_step_realtime_factor{step="transcribe"} 0.25',
        "hangjegyzet_backup_age_seconds 7200.0",
        'hangjegyzet_disk_free_bytes{folder="/"} 12345.0',
    ):
        assert line in told, line
    names = set(re.findall(r"^# TYPE (\S+)", told, re.MULTILINE))
    assert names == set(METRICS) - {"hangjegyzet_requests_total", "hangjegyzet_request_seconds"}


def test_what_is_not_known_is_not_told_as_nothing() -> None:
    """A database that does not answer has no empty queue, and a machine without a backup no fresh one."""
    with page(Reading(NOW, "1.2.3")) as url:
        told = fetch(f"{url}/metrics")
    assert "hangjegyzet_queue_waiting_steps" not in told
    assert "hangjegyzet_backup_age_seconds" not in told


def test_a_token_is_asked_for() -> None:
    """And nothing is told at another address, or by another method."""
    with page(FULL, token="0123456789abcdef") as url:
        for wrong in ("", "0123456789abcdeg"):
            with pytest.raises(urllib.error.HTTPError) as refusal:
                fetch(f"{url}/metrics", token=wrong)
            assert refusal.value.code == 401
        assert "hangjegyzet_info" in fetch(f"{url}/metrics", token="0123456789abcdef")
        with pytest.raises(urllib.error.HTTPError) as refusal:
            fetch(f"{url}/", token="0123456789abcdef")
        assert refusal.value.code == 404


def test_requests_that_another_process_counted_are_told(tmp_path: Path) -> None:
    """By method, pattern and status; never by an address that somebody typed."""
    script = (
        "import asyncio\n"
        "from web.metering import counter, metered\n"
        "async def app(scope, receive, send):\n"
        "    if scope['path'] == '/api/v1/meetings/7':\n"
        "        scope['path_template'] = '/api/v1/meetings/{id}'\n"
        "    await send({'type': 'http.response.start', 'status': 404 if 'secret' in scope['path'] else 200})\n"
        "async def main():\n"
        "    counted = metered(app, counter())\n"
        "    async def send(message): pass\n"
        "    for path in ('/api/v1/meetings/7', '/api/v1/meetings/7', '/secret-title'):\n"
        "        await counted({'type': 'http', 'method': 'GET', 'path': path}, None, send)\n"
        "asyncio.run(main())\n"
    )
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=True)
    with page(FULL, shared=tmp_path) as url:
        told = fetch(f"{url}/metrics")
    assert 'hangjegyzet_requests_total{method="GET",route="/api/v1/meetings/{id}",status="200"} 2.0' in told
    assert 'hangjegyzet_requests_total{method="GET",route="none",status="404"} 1.0' in told
    assert "secret" not in told


def test_without_metrics_their_library_is_not_even_loaded() -> None:
    """The portal has a budget of memory; so has tracing, which is off too."""
    script = (
        "import sys, web.server, web.main\n"
        "from web.metering import counter\n"
        "assert counter() is None\n"
        "from appliance.entry.telemetry import trace_this_process\n"
        "from appliance.settings import Settings\n"
        "assert not trace_this_process(Settings(), 'web')\n"
        "print([name for name in sys.modules if name.startswith(('prometheus_client', 'opentelemetry', 'requests'))])\n"
    )
    said = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


@pytest.mark.parametrize(
    "given",
    [
        {"metrics_port": 9464, "metrics_host": "0.0.0.0"},
        {"metrics_port": 9464, "metrics_host": "example.com"},
        {"metrics_from": ("everybody",)},
        {"otlp_endpoint": "http://collector.example:4318"},
        {"otlp_endpoint": "127.0.0.1:4318"},
        {"otlp_endpoint": "http://127.0.0.1"},
    ],
)
def test_what_would_tell_strangers_is_refused(given: dict[str, object]) -> None:
    """No listener for everybody without a token, and no name that would have to be looked up."""
    with pytest.raises(ValidationError):
        MonitoringSettings.model_validate(given)


def test_what_is_declared_well_is_taken() -> None:
    """Loopback without a token, an address with one, a collector by number."""
    MonitoringSettings(metrics_port=9464)
    MonitoringSettings(metrics_port=9464, metrics_host="10.0.0.5", metrics_token_file=Path("/etc/hangjegyzet/t"))
    MonitoringSettings(otlp_endpoint="https://[fd00::1]:4318")


def test_the_page_about_metrics_lists_each() -> None:
    """Nothing is told that its reader cannot look up."""
    text = (ROOT / "docs" / "health.md").read_text("utf-8")
    assert set(re.findall(r"\| `(hangjegyzet_\w+)`", text)) == set(METRICS)
