"""Huey as the doorbell."""

import pickle
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import pytest
from huey.registry import Message

from appliance.adapters.huey_doorbell import DoorbellConsumer, HueyDoorbell, JsonSerializer
from appliance.jobs.model import Queue, Saga
from appliance.kernel.ids import JobId, new_uuid
from tests.factories.jobs import Workshop
from tests.fakes.steps import one_step_saga

MakeWorkshop = Callable[[Saga[Any]], Workshop]

SOON_S = 10.0


@pytest.fixture
def shop(workshop: MakeWorkshop) -> Workshop:
    return workshop(one_step_saga())


class Listening:
    """A consumer's threads, without its signal handlers."""

    def __init__(self, shop: Workshop, answer: Callable[[], None]) -> None:
        self.consumer = DoorbellConsumer(
            Queue.GENERAL,
            connect=shop.db.worker.raw_connection,
            answer=answer,
            on_stop=lambda: None,
            threads=1,
            patience_s=SOON_S,
        )
        self.consumer._set_signal_handlers = lambda: None

    def __enter__(self) -> Self:
        self.consumer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.consumer.stop(graceful=True)


def test_a_ring_is_answered(shop: Workshop) -> None:
    """What the business transaction wrote is a message that Huey itself understands."""
    answered = threading.Event()
    with Listening(shop, answered.set):
        shop.start()
        assert answered.wait(SOON_S)
    assert shop.scalar("SELECT count(*) FROM huey_task") == 0


def test_a_ring_for_later_is_answered_when_it_is_due(shop: Workshop) -> None:
    """A step that rests before its next try is rung for at its end, without anybody looking for it."""
    answered = threading.Event()
    with shop.db.worker.transaction(None) as tx:
        soon = datetime.now(UTC) + timedelta(seconds=0.5)
        shop.doorbell.ring(tx, Queue.GENERAL, JobId(new_uuid()), at=soon)
    assert shop.scalar("SELECT count(*) FROM huey_task") == 0
    with Listening(shop, answered.set):
        assert answered.wait(SOON_S)
    assert datetime.now(UTC) >= soon


def test_the_consumer_outlives_lost_connections(shop: Workshop) -> None:
    """After the server came back, rings are heard as before."""
    answered = threading.Event()
    with Listening(shop, answered.set) as listening:
        shop.start()
        assert answered.wait(SOON_S)
        answered.clear()
        with shop.db.connect(shop.db.superuser_url) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND usename = 'hangjegyzet_worker'"
            )
        shop.start()
        assert answered.wait(SOON_S)
        assert all(thread.is_alive() for _, thread in listening.consumer.worker_threads)


def test_an_answer_that_fails_does_not_end_the_consumer(shop: Workshop) -> None:
    """The next ring is answered all the same."""
    answers: list[int] = []
    twice = threading.Event()

    def answer() -> None:
        answers.append(1)
        if len(answers) == 1:
            raise RuntimeError("a bad moment")
        twice.set()

    with Listening(shop, answer):
        shop.start()
        shop.start()
        assert twice.wait(SOON_S)


def test_a_pickle_in_the_queue_is_never_opened() -> None:
    """Who can write into the table cannot run code in a worker."""
    opened: list[int] = []

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (opened.append, (1,))

    with pytest.raises(ValueError):  # any refusal will do, as long as nothing ran
        JsonSerializer().deserialize(pickle.dumps(Trap()))
    assert opened == []


def test_a_message_of_a_newer_release_is_understood() -> None:
    """A field that this Huey does not know is left out."""
    serializer = JsonSerializer()
    data = serializer.serialize(Message(id="1", name="ring", args=["x"]))
    newer = data[:-1] + b', "colour": "red"}'
    assert serializer.deserialize(newer) == serializer.deserialize(data)


def test_only_messages_are_written() -> None:
    """Nothing but rings gets into the queue, not even by mistake."""
    with pytest.raises(TypeError):
        JsonSerializer().serialize({"title": "secret"})


def test_pending_counts_one_queue(shop: Workshop) -> None:
    """Rings of other queues do not keep a queue from being rung."""
    bell = HueyDoorbell()
    with shop.db.worker.transaction(None) as tx:
        bell.ring(tx, Queue.SPEECH, JobId(new_uuid()))
        bell.ring(tx, Queue.SPEECH, JobId(new_uuid()))
        assert (bell.pending(tx, Queue.SPEECH), bell.pending(tx, Queue.LANGUAGE)) == (2, 0)
