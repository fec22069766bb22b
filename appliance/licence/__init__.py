"""The licence: a signed file, checked without a network; it never stands between people and what they recorded."""
