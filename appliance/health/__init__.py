"""Whether the machine does what it is there for: checks as data, with a severity, evidence and a remedy.

A check is one small file: it looks at one thing and says what it found. Every door renders the same findings, an
upgrade waits for them, and an alert names the check whose runbook to read.
"""
