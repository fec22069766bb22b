"""What every run of the migrations keeps to."""

LOCK_KEY = 0x48_4A_4D_49
"""Advisory lock ("HJMI") that lets one upgrade run at a time, whichever machine it was started on."""

LOCK_TIMEOUT_MS = 10_000
"""A migration gives up rather than queue behind a long transaction and block everybody after it."""

STATEMENT_TIMEOUT_MS = 15 * 60 * 1000
"""Longest single statement."""
