"""Who is to do what until when."""

import pytest

from appliance.minutes.actions import find_actions
from tests.factories.minutes import a_reading


def tasks(*turns: str, language: str = "en") -> list[tuple[str, str, str]]:
    """Task, owner and due of everything that is to be done."""
    return [(one.task, one.owner, one.due) for one in find_actions(a_reading(*turns, language=language))]


def test_who_promises_owns_the_task() -> None:
    """The owner is the speaker as the transcript names them."""
    assert tasks("Speaker 2: I'll hire a photographer by Wednesday.") == [
        ("Hire a photographer by Wednesday", "Speaker 2", "Wednesday")
    ]


def test_who_is_asked_by_name_owns_the_task_and_the_answer_adds_the_date() -> None:
    """Request and acceptance are one task, and both are its evidence."""
    reading = a_reading(
        "A: Tom, could you please ask the provider about the price?", "B: Sure, I'll write to them tomorrow."
    )
    (found,) = find_actions(reading)
    assert (found.task, found.owner, found.due) == ("Ask the provider about the price", "Tom", "tomorrow")
    assert [sentence.place for sentence in found.cited] == [0, 1]


def test_an_unnamed_request_belongs_to_who_accepts_it() -> None:
    """And to nobody at all when nobody does."""
    request = "A: Would you call the vendor this afternoon?"
    assert tasks(request, "B: Yes, I can do that.") == [("Call the vendor this afternoon", "B", "this afternoon")]
    assert tasks(request, "B: The weather is nice.") == []


def test_a_task_that_nobody_takes_has_no_owner() -> None:
    """ "Somebody" is nobody, and saying why one cannot is no promise."""
    assert tasks(
        "A: Somebody has to update the user guide.",
        "B: I cannot do it, because I will be on holiday from next week.",
        "A: Then it has no owner yet.",
    ) == [("Update the user guide", "", "")]


def test_a_volunteer_takes_an_open_task() -> None:
    """ "I'll do it" right after the call is enough; the task keeps its words."""
    assert tasks("A: Someone should book a room for the auditors.", "B: I'll do that.") == [
        ("Book a room for the auditors", "B", "")
    ]


def test_a_date_that_is_moved_replaces_the_first_one() -> None:
    """The task no longer names the date that does not hold."""
    assert tasks(
        "A: Omar, can you collect the invoices by Thursday?",
        "Omar: Thursday is difficult. I can do it by Monday.",
    ) == [("Collect the invoices", "Omar", "Monday")]


@pytest.mark.parametrize(
    "turn",
    [
        "A: I will be busy with the backup test until Friday.",
        "A: I will lead the meeting today.",
        "A: Can you hear me?",
        "A: If we start on Monday, we can finish by Friday.",
        "A: I'll personally swim to the island to fetch it, just kidding.",
        "A: I would not release anything without that test.",
        "A: We will meet again next Monday.",
        "A: David, how long does the backup test take?",
        "A: Let me start with the release of the new version.",
    ],
)
def test_talk_about_oneself_the_meeting_or_nothing_is_no_task(turn: str) -> None:
    """Future tense alone promises nothing."""
    assert tasks(turn, "David: About one week.") == []


def test_a_task_taken_off_the_list_is_gone() -> None:
    """What was done already, or is not needed, is not to be done."""
    assert tasks("A: Rita, please order the new chairs.", "B: No need to order the chairs, they are here.") == []


def test_two_people_may_have_the_same_kind_of_task() -> None:
    """Tasks of two owners are never merged into one."""
    found = tasks(
        "Anna: I will review the contract of the supplier.",
        "A: Good.",
        "B: Well.",
        "Tom: I will review the contract of the supplier.",
    )
    assert [owner for _, owner, _ in found] == ["Anna", "Tom"]


@pytest.mark.parametrize(
    ("turns", "owner", "due"),
    [
        (("Anna: Gábor, kérem, végezze el a mentés próbáját péntekig.", "Gábor: Rendben."), "Gábor", "péntekig"),
        (("László: Felhívom a céget holnap.",), "László", "holnap"),
        (("Anna: Valakinek frissítenie kell a kézikönyvet.", "Gábor: Én nem tudom vállalni."), "", ""),
        (("A: Péter, le tudja foglalni a termet?", "B: Igen, január végéig lefoglalom."), "Péter", "január végéig"),
    ],
)
def test_hungarian_tasks_have_their_owner_and_date(turns: tuple[str, ...], owner: str, due: str) -> None:
    """Requests, promises and open calls, with the endings that the language gives them."""
    ((_, found_owner, found_due),) = tasks(*turns, language="hu")
    assert (found_owner, found_due) == (owner, due)
