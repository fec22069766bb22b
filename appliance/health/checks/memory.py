"""Memory that is left for the engines."""

from pathlib import Path

from appliance.health.model import Check, Evidence, Finding, Severity
from appliance.kernel.units import KIB, format_bytes

LITTLE = 0.10
TOO_LITTLE = 0.04


def memory(meminfo: Path = Path("/proc/meminfo")) -> Check:
    """Whether new work finds memory."""
    return Check("memory", "Memory", lambda: _look(meminfo))


def _look(meminfo: Path) -> Finding:
    lines = (line.split() for line in meminfo.read_text(encoding="ascii").splitlines())
    sizes = {words[0].rstrip(":"): int(words[1]) * KIB for words in lines}
    total, left = sizes["MemTotal"], sizes["MemAvailable"]
    evidence: dict[str, Evidence] = {"total": format_bytes(total), "available": format_bytes(left)}
    summary = f"{format_bytes(left)} of {format_bytes(total)} can be used."
    remedy = "Use a smaller model (hangjegyzet models list), or give the machine more memory."
    if left < total * TOO_LITTLE:
        return Finding(Severity.CRITICAL, summary, evidence, remedy)
    if left < total * LITTLE:
        return Finding(Severity.WARNING, summary, evidence, remedy)
    return Finding(Severity.OK, summary, evidence)
