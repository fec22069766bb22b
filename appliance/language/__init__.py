"""The language model port, and citations that code checks."""
