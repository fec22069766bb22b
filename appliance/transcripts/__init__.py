"""Transcript, Segment, Word; merging words with turns; guards against invented text; exports."""
