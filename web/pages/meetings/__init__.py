"""The list, sending, progress, reading."""
