"""Finds the rooms' tables, so that the migrated schema can be compared with what the code expects."""

import importlib
import importlib.util
import pkgutil

import appliance


def import_tables() -> None:
    """Import ``tables.py`` of every room that has one; they register with SQLModel's metadata."""
    for room in pkgutil.iter_modules(appliance.__path__):
        if not room.ispkg:
            continue
        name = f"{appliance.__name__}.{room.name}.tables"
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name)
