"""The two-person rule: acts that one person must not do alone, approved by two with their own SSH keys."""
