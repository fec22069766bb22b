"""Proof that nothing leaves the machine: what the rules say, what each process may, what was tried, what came of it."""
