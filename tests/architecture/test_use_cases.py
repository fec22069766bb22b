"""Every use case leaves its event: what changes or opens content records it in the transaction that does it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import appliance

ROOMS = Path(appliance.__file__).parent
READS_WITHOUT_EVENT = {
    "AccountService": {"find", "list", "show"},
    "IdentityService": {"own_sessions"},
    "JobService": {"list", "show", "under_way"},
    "MeetingService": {"activity", "get", "page", "peaks"},
    "TranscriptService": {"expected_words"},
    "Uploads": {"open_uploads", "upload"},
}
"""What somebody may look at without an event, and never what was said.

Adding one is a decision that a reviewer sees here.
"""
WITHOUT_EVENT_OF_THEIR_OWN = {
    "IdentityService": {"sweep"},  # what expired by itself
    "MeetingService": {"check_editable", "check_readable", "title"},  # asked by rooms above, which record
    "Uploads": {"append"},  # a slice of many: the upload's start and end are recorded
}

Method = ast.FunctionDef


def use_cases() -> Iterator[tuple[str, dict[str, Method]]]:
    """Each class of use cases with all of its methods."""
    for path in sorted(ROOMS.glob("*/*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                methods = {each.name: each for each in node.body if isinstance(each, Method)}
                if node.name in {*READS_WITHOUT_EVENT, "MinutesService", "SearchService", "TranscriptEditing"}:
                    yield node.name, methods


def takes_actor(method: Method) -> bool:
    return any(argument.arg == "actor" for argument in (*method.args.args, *method.args.kwonlyargs))


def reaches(method: Method, methods: dict[str, Method], seen: frozenset[str] = frozenset()) -> set[str]:
    """What the method calls on its object and on the parts of it, and what the methods that it calls there do."""
    own = {
        ast.unparse(node.func).removeprefix("self.")
        for node in ast.walk(method)
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("self.")
    }
    deeper = (name for name in own if name in methods and name not in seen)
    return own.union(*(reaches(methods[name], methods, seen | own) for name in deeper))


def silent_use_cases() -> dict[str, set[str]]:
    """By class, those that reach no ``record``."""
    return {
        name: silent
        for name, methods in use_cases()
        if (
            silent := {
                method.name
                for method in methods.values()
                if not method.name.startswith("_")
                and "_audit.record" not in (reached := reaches(method, methods))
                and (takes_actor(method) or "_database.transaction" in reached)
            }
        )
    }


def test_what_records_nothing_is_on_a_list() -> None:
    """A new use case that forgets its event is found here."""
    listed = {
        name: READS_WITHOUT_EVENT.get(name, set()) | WITHOUT_EVENT_OF_THEIR_OWN.get(name, set())
        for name in {*READS_WITHOUT_EVENT, *WITHOUT_EVENT_OF_THEIR_OWN}
    }
    assert silent_use_cases() == listed


def test_what_records_nothing_changes_nothing() -> None:
    """Reads without an event hold transactions that cannot write; with one that can, they would be changes."""
    writing = {
        f"{name}.{method}"
        for name, methods in use_cases()
        for method in READS_WITHOUT_EVENT.get(name, set())
        if "_database.transaction" in reaches(methods[method], methods)
    }
    assert writing == set()
