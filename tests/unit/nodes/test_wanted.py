"""When a worker on another machine goes on, and when it waits."""

from dataclasses import dataclass

import pytest

from appliance.entry import worker_process
from appliance.kernel.ids import MeetingId
from appliance.nodes.errors import DoorUnavailable, MainBoxRefuses


@dataclass
class SaidBy:
    """A main box that says these things, one after the other, and the last for ever."""

    answers: list[bool | Exception]
    asked: int = 0

    def is_draining(self) -> bool:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    def meeting_key(self, meeting_id: MeetingId) -> bytes:
        raise NotImplementedError


AWAY = DoorUnavailable(address="10.0.0.1:8444", reason="it is off")
REMOVED = MainBoxRefuses(reason="nodes.refused")


@pytest.mark.parametrize(("said", "wanted"), [(False, True), (True, False), (REMOVED, False), (AWAY, True)])
def test_a_worker_stops_for_a_no_and_not_for_silence(said: bool | Exception, wanted: bool) -> None:
    """A main box that restarts costs nobody a step."""
    assert worker_process.is_wanted(SaidBy([said])) is wanted


def test_a_worker_begins_when_the_main_box_answers_and_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drained, removed or away: it waits, and takes nothing."""
    monkeypatch.setattr(worker_process, "ASK_AGAIN_S", 0.0)
    main_box = SaidBy([AWAY, REMOVED, True, False])
    worker_process.wait_until_wanted(main_box)
    assert main_box.asked == 4
