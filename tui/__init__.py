"""The console: what a technician meets on the machine's own display, and by ``hangjegyzet console``."""
