"""What can go wrong with telling figures."""

from appliance.kernel.errors import Invalid, Refused


class MetricsOff(Refused):
    code = "telemetry.metrics_off"
    message = "No port is set on which metrics are told."
    hint = "hangjegyzet config set monitoring.metrics_port 9464"


class TokenUnreadable(Invalid):
    code = "telemetry.token_unreadable"
    message = "The token for metrics in {file} cannot be used: {reason}."
    hint = "Make one: openssl rand -hex 32 >{file}"
