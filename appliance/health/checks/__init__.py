"""One question per file; each gives a ``Check`` from what it needs to know."""
