"""Where a command's log goes."""

import sys

import structlog
from structlog.typing import Processor

from cli.journal import journal_configuration, writes_to_journal


def send_logs_to_stderr() -> None:
    """Keep stdout for data, and values out of tracebacks: the default would print local variables, keys among them."""
    if writes_to_journal():
        structlog.configure(**journal_configuration())
        return
    terminal = sys.stderr.isatty()
    renderer: Processor = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    if terminal:
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if terminal else [structlog.processors.format_exc_info]),
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
