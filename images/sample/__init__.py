"""The sample meeting: spoken by the distribution's synthesizers from our own script."""
