"""Keyed lexemes over what one may see."""
