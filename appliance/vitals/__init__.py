"""What the machine's own display shows: where to find it, how it is, how full it gets."""
