"""Sign-in, one-time codes, people, one's own account."""
