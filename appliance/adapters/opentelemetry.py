"""Traces for a collector that the configuration declares, by OpenTelemetry's own SDK over OTLP/HTTP.

Imported only where one is declared. Spans wait in a bounded queue, and are dropped when the collector does not take
them: work never waits for its trace.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

from appliance.kernel.tracing import Attribute, trace_with

TIMEOUT_S = 5
QUEUE = 2048
DELAY_MS = 2000


def start_tracing(endpoint: str, *, process: str) -> TracerProvider:
    """Tell every span of this process to the collector at ``endpoint``; what is left goes out when the process ends."""
    resource = Resource({"service.name": "hangjegyzet", "service.version": version("hangjegyzet"), "process": process})
    provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=TIMEOUT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=QUEUE, schedule_delay_millis=DELAY_MS))
    tracer = provider.get_tracer("hangjegyzet")

    @contextmanager
    def tell(name: str, attributes: dict[str, Attribute]) -> Iterator[None]:
        kind = SpanKind.SERVER if name == "request" else SpanKind.INTERNAL
        # The SDK would write an exception's text into the trace; its text may hold what somebody typed.
        with tracer.start_as_current_span(
            name, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as current:
            try:
                yield
            except BaseException as error:
                current.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    trace_with(tell)
    return provider
