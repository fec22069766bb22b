"""Backups that are proven: taken while people work, verified, rehearsed, restored here or on other hardware."""
