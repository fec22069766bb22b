"""Job, Step, Lease: the truth about work in progress."""
