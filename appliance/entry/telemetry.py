"""Switches traces on where the configuration declares a collector; imports nothing where it does not."""

from appliance.settings import Settings


def trace_this_process(settings: Settings, process: str) -> bool:
    """Tell spans of this process to the declared collector; false where there is none."""
    endpoint = settings.monitoring.otlp_endpoint
    if endpoint is None:
        return False
    from appliance.adapters.opentelemetry import start_tracing  # some megabytes that only those pay who trace

    start_tracing(endpoint, process=process)
    return True
