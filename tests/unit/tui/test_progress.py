"""JSON lines among plain ones."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tui.progress import document, read


def lines(*events: dict[str, object] | str) -> str:
    return "\n".join(event if isinstance(event, str) else json.dumps(event) for event in events)


def test_tasks_are_counted_and_the_one_under_way_is_named() -> None:
    """What is being done, how much was done, what changed, and why it failed."""
    told = read(
        lines(
            {"event": "begin", "role": "app", "task": "One"},
            {"event": "task", "role": "app", "task": "One", "state": "changed"},
            {"event": "task", "role": "app", "task": "Skipped", "state": "skipped"},
            {"event": "begin", "role": "app", "task": "Two"},
        )
    )
    assert (told.doing, told.done, told.fraction) == ("app: Two", 2, None)
    assert told.lines == ("* app: One",)
    failed = read(lines({"event": "task", "role": "app", "task": "Two", "state": "failed", "reason": "no\nroom"}))
    assert failed.lines == ("! app: Two", "    no", "    room")


def test_a_verb_that_knows_how_far_it_is_is_believed() -> None:
    """A share beats a guess; the end leaves nothing under way."""
    told = read(
        lines(
            {"event": "step", "step": "copy", "state": "running", "fraction": 0.25},
            {"event": "end", "ok": 3, "changed": 1},
        )
    )
    assert (told.doing, told.fraction) == ("", 0.25)
    assert told.lines == ("ok: 3  changed: 1",)


def test_what_is_no_event_is_shown_as_it_is() -> None:
    """People's lines, other JSON, half a line."""
    told = read(lines("Kept: web.port", '{"a": 1}', '{"event": '))
    assert told.lines == ("Kept: web.port", '{"a": 1}', '{"event":')


def test_notes_for_the_journal_are_left_out_and_warnings_are_not() -> None:
    """A technician reads what is done; what is noted of it besides is in the journal."""
    told = read(
        lines("timestamp=2026 level=info event=backup_taken", "timestamp=2026 level=warning event=late", "set x")
    )
    assert told.lines == ("timestamp=2026 level=warning event=late", "set x")


def step(name: str, second: int, **more: object) -> dict[str, object]:
    at = f"2026-11-23T09:00:{second:02}+00:00"
    return {"event": "step", "step": name, "state": "running", "at": at, **more}


def test_a_step_has_ended_when_the_next_one_is_told() -> None:
    """Restores, backups and drills tell what they begin, and nothing else; so their list grows, with lengths."""
    told = read(lines(step("one", 0), step("two", 5), step("two", 7, fraction=0.5), step("three", 20)))
    assert told.lines == ("  one  5 seconds", "  two  15 seconds")
    assert (told.doing, told.done, told.fraction) == ("three", 2, None)


def test_a_step_of_a_verb_without_a_clock_is_listed_all_the_same() -> None:
    """One of an earlier release tells no time."""
    told = read(lines({"event": "step", "step": "one", "state": "running"}, step("two", 5)))
    assert told.lines == ("  one",)


def test_the_document_is_found_among_the_steps() -> None:
    """What a verb prints with --json after its progress; half of it is none yet."""
    answer = json.dumps({"version": "0.2.0", "findings": []}, indent=2)
    assert document(lines(step("checking", 0), answer, "what stderr says")) == {"version": "0.2.0", "findings": []}
    assert document(lines(step("checking", 0), answer[:-3])) is None
    assert document(lines(step("checking", 0))) is None


@given(
    st.lists(
        st.one_of(
            st.text(),
            st.dictionaries(
                st.sampled_from(
                    ["event", "state", "fraction", "task", "role", "step", "stage", "at", "took_s", "ending"]
                ),
                st.one_of(st.text(), st.integers(), st.floats(allow_nan=False), st.none(), st.booleans()),
            ).map(json.dumps),
        )
    )
)
def test_no_output_breaks_the_screen(output: list[str]) -> None:
    """Whatever a verb prints, there is something to show."""
    told = read("\n".join(output))
    assert told.fraction is None or 0 <= told.fraction <= 1
    assert told.done >= 0
