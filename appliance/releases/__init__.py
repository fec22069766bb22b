"""Release: a signed bundle, who vouches for it, and whether this machine may take it."""
