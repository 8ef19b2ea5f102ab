"""Defining and enqueuing jobs: names, calls, transactions, handles, event loops."""

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import SynchronousOnlyOperation
from django.db import transaction
from django.db.transaction import TransactionManagementError
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings
from redis import Redis

from django_resque import (
    DuplicateJob,
    EnqueueError,
    InvalidArguments,
    Job,
    UnknownJob,
    aenqueue,
    aenqueue_to,
    conf,
    current_job,
    delivery,
    enqueue,
    enqueue_to,
    job,
    job_status,
)
from django_resque.parcels import Parcel
from django_resque.registry import registry
from django_resque.wire import Payload
from tests.project import jobs


def waiting(redis: Redis, queue: str = "default") -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in redis.lrange(f"resque:queue:{queue}", 0, -1)]


@pytest.fixture
def scratch() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    before = dict(registry._registry)
    yield
    registry._registry = before


# Defining.


def test_a_job_is_named_by_its_dotted_path_unless_it_says_otherwise() -> None:
    assert jobs.Sleep.name == "tests.project.jobs.Sleep"
    assert jobs.note.job.name == "tests.project.jobs.note"
    assert jobs.FromRuby.name == "Recorder"


def test_jobs_are_found_by_name_alias_and_with_a_leading_separator() -> None:
    assert registry.find("Recorder") is jobs.FromRuby
    assert registry.find(r"App\Job\Recorder") is jobs.FromRuby
    assert registry.find(r"\App\Job\Recorder") is jobs.FromRuby
    assert registry.find("::Recorder") is jobs.FromRuby
    with pytest.raises(UnknownJob, match=r"No job is registered as 'os\.system'"):
        registry.find("os.system")


def test_an_abstract_base_is_no_job() -> None:
    assert jobs.Recorder not in registry.jobs()


def test_a_class_without_perform_is_refused_where_it_is_defined() -> None:
    with pytest.raises(TypeError, match=r"Empty defines no perform\(\).*abstract=True"):

        class Empty(Job):
            pass


@pytest.mark.parametrize("queue", ["a:b", "a,b", "a b", "mail*", "!mail"])
def test_a_queue_that_no_worker_can_listen_to_is_refused_where_it_is_named(queue: str) -> None:
    with pytest.raises(TypeError, match=r"lost has no possible queue\. "):

        @job(queue=queue)
        def lost() -> None: ...


def test_a_job_is_not_sent_where_no_worker_can_listen_but_other_languages_may_be(
    redis: Redis,
) -> None:
    with pytest.raises(InvalidArguments, match="The queue name 'a b' contains ' '"):
        enqueue_to("a b", jobs.note, "path", "text")
    with pytest.raises(InvalidArguments, match=r"'mail[*]' is a pattern"):
        jobs.note.options(queue="mail*").enqueue("path", "text")

    enqueue_to("a b", "Archive", 35)  # As Ruby may call its queue.

    assert redis.smembers("resque:queues") == {b"a b"}


def test_two_jobs_of_one_name_are_refused(scratch: None) -> None:
    with pytest.raises(DuplicateJob, match="both have the wire name 'Recorder'"):

        @job(name="Recorder")
        def another() -> None: ...


def test_an_unknown_attribute_is_refused() -> None:
    with pytest.raises(TypeError, match=r"@job does not know \['que'\]"):
        job(que="mail")  # type: ignore[call-overload]  # the mistake under test


def test_a_function_stays_callable(tmp_path: Any) -> None:
    assert jobs.note(str(tmp_path / "x"), "y") == "y"
    assert vars(jobs.note)["__name__"] == "note"


# Enqueuing.


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_a_job_is_pushed_at_once(redis: Redis) -> None:
    handle = enqueue(jobs.note, "path", text="x")

    (payload,) = waiting(redis)
    assert payload["class"] == "tests.project.jobs.note"
    assert payload["args"] == ["path", "x"]
    assert payload["id"] == handle.id
    assert len(handle.id) == 32
    assert handle.status == "waiting"
    assert handle.result is None


@pytest.mark.django_db(transaction=True)
def test_a_job_goes_to_its_queue_to_the_default_or_to_the_one_named(
    redis: Redis, settings: Settings
) -> None:
    settings.RESQUE = {"DEFAULT_QUEUE": "other"}

    jobs.Sleep.enqueue("path", 1)
    enqueue(jobs.note, "path")
    jobs.note.enqueue_to("third", "path")
    enqueue_to("fourth", "Archive", 35, "tar")

    names = ["slow", "other", "third", "fourth"]
    assert [len(waiting(redis, name)) for name in names] == [1, 1, 1, 1]
    assert waiting(redis, "fourth")[0]["class"] == "Archive"
    assert redis.smembers("resque:queues") == {name.encode() for name in names}


def test_mistakes_are_raised_where_they_are_made() -> None:
    with pytest.raises(InvalidArguments, match="missing a required argument: 'path'"):
        enqueue(jobs.note)  # type: ignore[call-arg]  # the mistake under test
    with pytest.raises(InvalidArguments, match=r"args\[1\]: object is not JSON"):
        enqueue(jobs.note, "path", object())  # type: ignore[arg-type]  # the mistake under test
    with pytest.raises(InvalidArguments, match=r"is no job\. Decorate the function with @job"):
        enqueue(len, [])  # type: ignore[arg-type]  # the mistake under test
    with pytest.raises(InvalidArguments, match="takes the queue's name first"):
        enqueue_to(jobs.note, "path")  # type: ignore[call-overload]  # the mistake under test


@pytest.mark.django_db(transaction=True)
def test_tracking_is_switched_by_the_job_and_by_the_setting(
    redis: Redis, settings: Settings
) -> None:
    assert enqueue(jobs.untracked).status is None

    settings.RESQUE = {"TRACK": False}

    assert enqueue(jobs.note, "path").status is None


def test_a_handle_is_found_by_its_id() -> None:
    assert job_status("0" * 32).id == "0" * 32
    assert job_status("0" * 32).status is None


def test_there_is_no_current_job_outside_of_one() -> None:
    with pytest.raises(RuntimeError, match="no job is being performed"):
        current_job()


# Transactions.


@pytest.mark.django_db(transaction=True)
def test_in_a_transaction_a_job_waits_for_the_commit(redis: Redis) -> None:
    with transaction.atomic():
        handle = enqueue(jobs.note, "path")
        jobs.note.enqueue_to("other", "path")
        assert redis.keys("*") == []
        assert handle.status is None

    assert job_status(handle.id).status == "waiting"
    assert len(waiting(redis)) == len(waiting(redis, "other")) == 1


@pytest.mark.django_db(transaction=True)
def test_a_rollback_takes_the_job_with_it(redis: Redis) -> None:
    with transaction.atomic():
        enqueue(jobs.note, "outer")
        transaction.set_rollback(True)
    with transaction.atomic():
        with transaction.atomic():
            enqueue(jobs.note, "inner")
            transaction.set_rollback(True)
        enqueue(jobs.note, "kept")

    assert [payload["args"] for payload in waiting(redis)] == [["kept"]]


@pytest.mark.django_db
def test_in_a_testcase_the_callbacks_can_be_captured(
    redis: Redis, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        enqueue(jobs.note, "path")
        assert waiting(redis) == []

    assert len(waiting(redis)) == 1


@pytest.mark.django_db(transaction=True)
def test_the_setting_switches_waiting_for_the_commit_off(redis: Redis, settings: Settings) -> None:
    settings.RESQUE = {"ON_COMMIT": False}

    with transaction.atomic():
        enqueue(jobs.note, "path")
        assert len(waiting(redis)) == 1


@pytest.mark.django_db(transaction=True)
def test_a_transaction_of_another_thread_is_not_waited_for(redis: Redis) -> None:
    with transaction.atomic():
        thread = threading.Thread(target=enqueue, args=(jobs.note, "path"))
        thread.start()
        thread.join()

        assert len(waiting(redis)) == 1


@pytest.mark.django_db(transaction=True)
def test_a_transaction_managed_by_hand_is_refused_rather_than_ignored(redis: Redis) -> None:
    transaction.set_autocommit(False)
    try:
        with pytest.raises(TransactionManagementError):
            enqueue(jobs.note, "path")
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    assert waiting(redis) == []


def test_no_database_is_needed(redis: Redis, settings: Settings) -> None:
    """pytest-django forbids the database to this test, so using one would raise."""
    enqueue(jobs.note, "path")

    assert len(waiting(redis)) == 1


@pytest.mark.django_db(transaction=True)
def test_what_a_transaction_enqueued_is_pushed_in_one_round_trip(redis: Redis) -> None:
    enqueue(jobs.note, "to open the connection")
    redis.config_resetstat()

    with transaction.atomic():
        handles = [enqueue(jobs.note, str(number)) for number in range(20)]

    assert [payload["id"] for payload in waiting(redis)[1:]] == [handle.id for handle in handles]
    assert redis.info("commandstats")["cmdstat_evalsha"]["calls"] == 1


@pytest.mark.django_db(transaction=True)
def test_if_redis_is_away_at_the_commit_one_retry_pushes_all(
    redis: Redis, redis_url: str, settings: Settings
) -> None:
    settings.RESQUE = {"URL": "unix:///nowhere/redis.sock"}
    with pytest.raises(EnqueueError, match="and 2 more") as caught, transaction.atomic():  # noqa: PT012 -- the commit raises
        for number in range(3):
            enqueue(jobs.note, str(number))
        with transaction.atomic():
            enqueue(jobs.note, "rolled back")
            transaction.set_rollback(True)
    settings.RESQUE = {"URL": redis_url}

    caught.value.retry()

    assert [payload["args"] for payload in waiting(redis)] == [["0"], ["1"], ["2"]]


# Event loops.


def test_an_event_loop_is_sent_to_the_async_twin(redis: Redis) -> None:
    async def view() -> None:
        with pytest.raises(SynchronousOnlyOperation, match=r"await aenqueue\(...\)"):
            enqueue(jobs.note, "path")
        with pytest.raises(SynchronousOnlyOperation, match=r"await aenqueue_to\(...\)"):
            enqueue_to("q", jobs.note, "path")

    asyncio.run(view())

    assert redis.keys("*") == []


@pytest.mark.django_db(transaction=True)
def test_the_async_twins_join_the_transaction_around_the_loop(redis: Redis) -> None:
    async def view() -> str:
        await aenqueue_to("other", jobs.note, "path")
        return (await aenqueue(jobs.note, "path")).id

    with transaction.atomic():
        job_id = async_to_sync(view)()
        assert redis.keys("*") == []

    assert waiting(redis)[0]["id"] == job_id
    assert len(waiting(redis, "other")) == 1


# Redis in trouble.


def test_an_unreachable_redis_is_refused_and_can_be_retried(
    redis: Redis, redis_url: str, settings: Settings
) -> None:
    settings.RESQUE = {"URL": "unix:///nowhere/redis.sock"}
    with pytest.raises(EnqueueError) as caught:
        enqueue(jobs.note, "path")
    settings.RESQUE = {"URL": redis_url}

    caught.value.retry()

    assert caught.value.outcome == "refused"
    assert "to 'default'" in str(caught.value)
    assert len(waiting(redis)) == 1


def test_a_redis_that_refuses_says_so(redis: Redis) -> None:
    redis.set("resque:queue:default", "no list")

    with pytest.raises(EnqueueError, match="WRONGTYPE") as caught:
        enqueue(jobs.note, "path")

    assert caught.value.outcome == "refused"


def test_a_lost_reply_is_unknown_and_a_retry_does_not_double(redis: Redis) -> None:
    """Redis is paused while the command is in the socket, and performs it afterwards."""
    redis.client_pause(300)
    pool = conf.store().redis.connection_pool
    pool.connection_kwargs["socket_timeout"] = 0.05
    try:
        with pytest.raises(EnqueueError) as caught:
            delivery.Push([_parcel()], lambda: None)()
    finally:
        redis.client_unpause()
    del pool.connection_kwargs["socket_timeout"]
    pool.disconnect()

    caught.value.retry()

    assert len(waiting(redis)) == 1


def _parcel() -> Parcel:
    return Parcel("default", Payload.new("X", [], "a" * 32, 1.0))


def test_a_retry_that_comes_too_late_is_refused(redis: Redis) -> None:
    attempt = delivery._Attempt([delivery.Push([_parcel()], lambda: None)])
    attempt()
    attempt.began -= 601

    with pytest.raises(EnqueueError, match="more than 600 s ago"):
        attempt.retry()
