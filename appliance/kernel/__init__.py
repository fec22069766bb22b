"""Ids, clock, error kinds, units: what every room may lean on. Standard library only."""
