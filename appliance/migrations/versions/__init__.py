"""Revisions, one intent each, in a fixed chain."""
