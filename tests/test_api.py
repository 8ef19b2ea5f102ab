"""The rest of the API: options, bulk, hooks, signals, waiting, queues, and INLINE."""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from pytest_django import Settings
from redis import Redis

from django_resque import (
    InvalidArguments,
    Job,
    JobFailed,
    aenqueue_at,
    aenqueue_in,
    aenqueue_many,
    conf,
    enqueue,
    enqueue_many,
    enqueue_to,
    job,
    queues,
    signals,
)
from django_resque.registry import registry
from django_resque.store import Store
from tests.project import jobs

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _scratch() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    before = dict(registry._registry)
    yield
    registry._registry = before


@pytest.fixture
def heard() -> Iterator[list[tuple[str, Any]]]:
    """Name and kwargs of every signal, in their order."""
    found: list[tuple[str, Any]] = []
    names = ["job_enqueued", "job_started", "job_succeeded", "job_failed"]
    receivers = {
        name: lambda signal, name=name, **kwargs: found.append((name, kwargs)) for name in names
    }
    for name in names:
        getattr(signals, name).connect(receivers[name])
    yield found
    for name in names:
        getattr(signals, name).disconnect(receivers[name])


def waiting(redis: Redis, queue: str = "default") -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in redis.lrange(f"resque:queue:{queue}", 0, -1)]


# Options.


def test_options_say_where_when_and_how(redis: Redis) -> None:
    at = datetime(2100, 1, 1, tzinfo=UTC)

    handle = jobs.note.options(queue="slow", at=at, track=False).enqueue("path")

    (raw,) = redis.lrange(f"resque:delayed:{int(at.timestamp())}", 0, -1)
    assert json.loads(raw)["queue"] == "slow"
    assert handle.status is None


def test_a_wrong_option_is_refused() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'quue'"):
        jobs.note.options(quue="x")  # type: ignore[call-arg]  # the mistake under test
    with pytest.raises(InvalidArguments, match="either at= or delay="):
        jobs.note.options(at=datetime.now(UTC), delay=5).enqueue("path")


# Bulk.


def test_many_are_pushed_in_their_order_with_few_round_trips(redis: Redis) -> None:
    conf.store().redis.ping()
    redis.config_resetstat()

    handles = enqueue_many((jobs.note, f"path{number}") for number in range(2000))

    assert [payload["id"] for payload in waiting(redis)] == [handle.id for handle in handles]
    stats = redis.info("commandstats")
    calls = sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "eval"))
    assert calls <= 7  # Scripts of 500, two in a round trip; more if the cache was empty.
    assert handles[1999].status == "waiting"


def test_many_take_options_and_wait_for_the_commit(redis: Redis) -> None:
    with transaction.atomic():
        handles = enqueue_many(
            [
                (jobs.note.options(queue="a"), "path"),
                (jobs.note.options(delay=60), "path"),
                ("Archive", 1),
                [jobs.note, "path"],
            ]
        )
        assert redis.keys("*") == []

    assert [handle.status for handle in handles] == ["waiting"] * 4
    assert [len(waiting(redis, name)) for name in ("a", "default")] == [1, 2]
    assert redis.zcard("resque:delayed_queue_schedule") == 1


def test_all_of_many_are_checked_before_the_first_is_pushed(redis: Redis) -> None:
    with pytest.raises(InvalidArguments, match="missing a required argument"):
        enqueue_many([(jobs.note, "path"), (jobs.note,)])
    with pytest.raises(InvalidArguments, match="number 1 is 'note'"):
        enqueue_many([(jobs.note, "path"), "note"])

    assert redis.keys("*") == []


def test_none_are_no_trouble(redis: Redis) -> None:
    assert enqueue_many([]) == []


def test_the_async_twins_do_the_same(redis: Redis) -> None:
    async def view() -> None:
        await aenqueue_in(60, jobs.note, "path")
        await aenqueue_at(datetime.now(UTC) + timedelta(hours=1), jobs.note, "path")
        await aenqueue_many([(jobs.note, "path")])
        await jobs.note.options(queue="b").aenqueue("path")

    asyncio.run(view())

    assert redis.zcard("resque:delayed_queue_schedule") == 2
    assert len(waiting(redis)) == len(waiting(redis, "b")) == 1


# PHP's shape of arguments.


def test_arguments_can_travel_by_name(redis: Redis) -> None:
    class Named(Job):
        args_style = "kwargs"

        def perform(self, user: int, greeting: str = "hello", **more: Any) -> None: ...

    enqueue(Named, 7, greeting="hi", extra=1)
    enqueue(Named, 7)

    assert waiting(redis)[0]["args"] == [{"user": 7, "greeting": "hi", "extra": 1}]
    assert waiting(redis)[1]["args"] == [{"user": 7}]


def test_arguments_without_a_name_cannot_travel_by_name() -> None:
    class Open(Job):
        args_style = "kwargs"

        def perform(self, *numbers: int) -> None: ...

    with pytest.raises(InvalidArguments, match=r"\*numbers has no names"):
        enqueue(Open, 1, 2)


def test_a_style_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError, match="has the args_style 'names'"):

        class Wrong(Job):
            args_style = "names"

            def perform(self) -> None: ...


# Hooks at the call, and signals.


def test_before_enqueue_refuses_and_after_enqueue_follows_the_push(
    redis: Redis, heard: list[tuple[str, Any]]
) -> None:
    calls: list[Any] = []

    class Picky(Job):
        @classmethod
        def before_enqueue(cls, *args: Any) -> Any:
            return args[0] > 0

        @classmethod
        def after_enqueue(cls, *args: Any) -> Any:
            calls.append((args, redis.llen("resque:queue:default")))

        def perform(self, number: int) -> None: ...

    refused, taken = enqueue(Picky, -1), enqueue(Picky, 5)

    assert (refused.refused, taken.refused) == (True, False)
    assert refused.status is None
    assert len(waiting(redis)) == 1
    assert calls == [((5,), 1)]
    ((name, kwargs),) = heard
    assert (name, kwargs["sender"], kwargs["queue"]) == ("job_enqueued", Picky, "default")
    assert kwargs["handle"] == taken


def test_hooks_after_the_push_wait_for_the_commit(
    redis: Redis, heard: list[tuple[str, Any]]
) -> None:
    with transaction.atomic():
        enqueue(jobs.note, "path")
        enqueue_to("q", "Archive", 1)
        assert heard == []

    assert [kwargs["sender"] for _, kwargs in heard] == [jobs.note.job, None]


def test_what_a_hook_after_the_push_raises_disturbs_nobody(
    redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    class Loud(Job):
        @classmethod
        def after_enqueue(cls, *args: Any) -> Any:
            raise ZeroDivisionError

        def perform(self) -> None: ...

    handle = enqueue(Loud)

    assert handle.status == "waiting"
    assert "after_enqueue failed" in caplog.text


# INLINE.


@pytest.fixture
def inline(settings: Settings) -> None:
    settings.RESQUE = {"INLINE": True}


def test_inline_performs_at_the_commit_through_the_wire(
    redis: Redis, inline: None, heard: list[tuple[str, Any]]
) -> None:
    seen: list[Any] = []

    @job
    def collect(values: Any) -> None:
        seen.append(values)

    with transaction.atomic():
        enqueue(collect, (1, 2))
        assert seen == []

    assert seen == [[1, 2]]
    assert [name for name, _ in heard] == ["job_enqueued", "job_started", "job_succeeded"]
    assert redis.keys("*") == []


def test_inline_raises_what_the_job_raises(inline: None) -> None:
    with pytest.raises(jobs.Boom, match="no such card"):
        enqueue(jobs.fail, "no such card")


def test_inline_leaves_another_languages_job_alone(redis: Redis, inline: None) -> None:
    enqueue_to("ruby", "Archive", 1)

    assert redis.keys("*") == []


# Waiting.


def test_wait_returns_the_result_or_says_why_not(store: Store, redis: Redis) -> None:
    handle = enqueue(jobs.note, "path")
    key = f"resque:job:{handle.id}:status"

    with pytest.raises(TimeoutError, match=r"did not end within 0\.1 s: it is waiting"):
        handle.wait(0.1)
    threading.Timer(0.2, redis.set, (key, '{"status":4,"result":[1]}')).start()
    assert handle.wait(10) == [1]
    redis.set(key, '{"status":3}')
    with pytest.raises(JobFailed, match=handle.id):
        handle.wait(10)


def test_a_refused_job_cannot_be_waited_for() -> None:
    class Refusing(Job):
        @classmethod
        def before_enqueue(cls, *args: Any) -> Any:
            return False

        def perform(self) -> None: ...

    with pytest.raises(RuntimeError, match="was refused by before_enqueue"):
        enqueue(Refusing).wait(1)


def test_wait_refuses_inside_the_transaction_that_it_waits_for() -> None:
    with transaction.atomic():
        handle = enqueue(jobs.note, "path")
        with pytest.raises(RuntimeError, match="cannot be waited for inside of it"):
            handle.wait(1)
        assert handle.cancel() is False


# Queues.


def test_queues_can_be_looked_at(redis: Redis) -> None:
    enqueue(jobs.note, "a")
    enqueue(jobs.note, "b")
    enqueue(jobs.Sleep, "c", 1)
    redis.rpush("resque:queue:slow", "poison")

    assert queues.names() == ["default", "slow"]
    assert queues.size("default") == 2
    assert queues.size("absent") == 0
    assert [found["args"] for found in queues.peek("default", 0, 5)] == [["a"], ["b"]]
    assert queues.peek("default", 1)[0]["args"] == ["b"]
    assert queues.peek("slow", 1) == [{"raw": "poison"}]
    assert queues.peek("slow", 0, 0) == []


def test_jobs_are_dequeued_by_class_and_arguments(redis: Redis) -> None:
    for path in ("a", "b", "a"):
        enqueue(jobs.note, path)
    enqueue(jobs.untracked)
    enqueue_to("ruby", "Archive", 1)

    assert queues.dequeue(jobs.note, "a") == 2
    assert queues.dequeue(jobs.note, "a") == 0
    assert queues.dequeue(jobs.note) == 1
    assert queues.dequeue("Archive", 1, queue="ruby") == 1
    with pytest.raises(InvalidArguments, match="needs queue="):
        queues.dequeue("Archive")

    assert [payload["class"] for payload in waiting(redis)] == ["tests.project.jobs.untracked"]


def test_a_queue_can_be_removed(redis: Redis) -> None:
    enqueue(jobs.note, "a")

    assert queues.remove("default") == 1
    assert queues.remove("default") == 0

    assert queues.names() == []


@pytest.mark.parametrize("paused", ["default", "*"])
def test_nobody_takes_from_a_paused_queue(redis: Redis, store: Store, paused: str) -> None:
    from django_resque.about import About
    from django_resque.store import Take
    from django_resque.wire import Reservation

    store.register("h:1:q", About("m", 1, "1", 1, "1", "0"))
    enqueue(jobs.note, "a")
    queues.pause(paused)

    assert store.reserve(Take.new("h:1:q", ["default"])) == ("paused" if paused == "*" else "idle")
    assert queues.resume(paused) is True
    assert queues.resume(paused) is False
    assert isinstance(store.reserve(Take.new("h:1:q", ["default"])), Reservation)


def test_a_pause_of_everything_is_rubys(redis: Redis, store: Store) -> None:
    queues.pause("*")

    assert redis.get("resque:pause-all-workers") == b"true"


@pytest.mark.parametrize(("value", "paused"), [("TRUE", True), ("true", True), ("false", False)])
def test_a_pause_set_by_hand_is_honoured(
    redis: Redis, store: Store, value: str, paused: bool
) -> None:
    from django_resque.about import About
    from django_resque.store import Take

    store.register("h:1:q", About("m", 1, "1", 1, "1", "0"))
    redis.set("resque:pause-all-workers", value)

    assert store.reserve(Take.new("h:1:q", ["default"])) == ("paused" if paused else "idle")
