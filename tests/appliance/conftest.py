"""Whole machines: booted from scratch, without a network, and thrown away."""

from pathlib import Path

import pytest

from tests.appliance.box import missing_means


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say once per test what a machine would need that this one lacks."""
    here = Path(__file__).parent
    if reason := missing_means():
        for item in items:
            if item.path.is_relative_to(here):
                item.add_marker(pytest.mark.skip(reason=reason))
