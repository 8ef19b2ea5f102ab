"""
A job is pushed when the transaction around its call commits, and never if that rolls back:
by every path, for every database, in threads, and under ASGI.
"""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import ThreadSensitiveContext, async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.admin.models import LogEntry
from django.core.exceptions import SynchronousOnlyOperation
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_finished
from django.db import IntegrityError, connections, transaction
from django.test import AsyncClient
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings
from redis import Redis

from django_resque import (
    JobHandle,
    aenqueue,
    aenqueue_at,
    aenqueue_in,
    aenqueue_many,
    aenqueue_to,
    enqueue,
    enqueue_at,
    enqueue_in,
    enqueue_many,
    enqueue_to,
    job_status,
)
from django_resque.errors import InvalidArguments
from tests.project import jobs, urls

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "other"])

note, Sleep = jobs.note, jobs.Sleep

LATER = datetime(2100, 1, 1, tzinfo=UTC)

#: The paths that block, and which twin the error in an event loop names.
BLOCKING: dict[str, tuple[Callable[[], Any], str]] = {
    "enqueue": (lambda: enqueue(note, "path"), "aenqueue"),
    "enqueue of a class": (lambda: enqueue(Sleep, "path", 1), "aenqueue"),
    "enqueue_to": (lambda: enqueue_to("mail", note, "path"), "aenqueue_to"),
    "enqueue_to by name": (lambda: enqueue_to("mail", "Archive", 35), "aenqueue_to"),
    "enqueue_in": (lambda: enqueue_in(60, note, "path"), "aenqueue_in"),
    "enqueue_at": (lambda: enqueue_at(LATER, note, "path"), "aenqueue_at"),
    "enqueue_many": (lambda: enqueue_many([(note, "a"), (Sleep, "b", 1)]), "aenqueue_many"),
    "function.enqueue": (lambda: note.enqueue("path"), "aenqueue"),
    "function.enqueue_to": (lambda: note.enqueue_to("mail", "path"), "aenqueue_to"),
    "function.enqueue_in": (lambda: note.enqueue_in(60, "path"), "aenqueue_in"),
    "function.enqueue_at": (lambda: note.enqueue_at(LATER, "path"), "aenqueue_at"),
    "class.enqueue": (lambda: Sleep.enqueue("path", 1), "aenqueue"),
    "class.enqueue_to": (lambda: Sleep.enqueue_to("mail", "path", 1), "aenqueue_to"),
    "class.enqueue_in": (lambda: Sleep.enqueue_in(60, "path", 1), "aenqueue_in"),
    "class.enqueue_at": (lambda: Sleep.enqueue_at(LATER, "path", 1), "aenqueue_at"),
}

AWAITED: dict[str, Callable[[], Awaitable[Any]]] = {
    "aenqueue": lambda: aenqueue(note, "path"),
    "aenqueue_to": lambda: aenqueue_to("mail", note, "path"),
    "aenqueue_in": lambda: aenqueue_in(60, note, "path"),
    "aenqueue_at": lambda: aenqueue_at(LATER, note, "path"),
    "aenqueue_many": lambda: aenqueue_many([(note, "a"), (Sleep, "b", 1)]),
}

#: The paths that take options.
OPTIONED: dict[str, Callable[..., Any]] = {
    "function": lambda **given: note.options(**given).enqueue("path"),
    "class": lambda **given: Sleep.options(**given).enqueue("path", 1),
    "delayed": lambda **given: note.options(delay=60, **given).enqueue("path"),
    "many": lambda **given: enqueue_many([(note.options(**given), "a")] * 2),
    "awaited": lambda **given: async_to_sync(note.options(**given).aenqueue)("path"),
    "many awaited": lambda **given: async_to_sync(aenqueue_many)([(note.options(**given), "a")]),
}


def synchronously(call: Callable[[], Awaitable[Any]]) -> Callable[[], Any]:
    async def awaited() -> Any:
        return await call()

    return async_to_sync(awaited)


#: Every path, each as a call that answers one handle or a list of them.
PATHS: dict[str, Callable[[], Any]] = {
    **{name: call for name, (call, _) in BLOCKING.items()},
    **{name: synchronously(call) for name, call in AWAITED.items()},
    **{f"options.enqueue, {name}": call for name, call in OPTIONED.items()},
}


def ids(handles: Any) -> set[str]:
    return {each.id for each in (handles if isinstance(handles, list) else [handles])}


def pushed(redis: Redis) -> set[str]:
    """The ids of all jobs that wait in a queue or in the delayed set."""
    lists: Iterable[Any] = redis.scan_iter(_type="list")
    found: list[Any] = [raw for key in lists for raw in redis.lrange(key, 0, -1)]
    return {json.loads(raw)["id"] for raw in found}


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest) -> Callable[[], Any]:
    return PATHS[request.param]


@pytest.fixture(params=OPTIONED)
def optioned(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return OPTIONED[request.param]


# Every path.


def test_outside_a_transaction_every_path_pushes_at_once(
    redis: Redis, path: Callable[[], Any]
) -> None:
    handles = path()

    assert pushed(redis) == ids(handles)


def test_inside_a_transaction_every_path_waits_for_the_commit(
    redis: Redis, path: Callable[[], Any]
) -> None:
    with transaction.atomic():
        handles = path()
        assert redis.keys("*") == []

    assert pushed(redis) == ids(handles)
    assert {job_status(each).status for each in ids(handles)} == {"waiting"}


def test_an_exception_takes_the_jobs_with_the_transaction(
    redis: Redis, path: Callable[[], Any]
) -> None:
    with pytest.raises(jobs.Boom), transaction.atomic():  # noqa: PT012 -- what stands before it counts
        path()
        raise jobs.Boom

    assert redis.keys("*") == []


def test_a_savepoint_takes_its_own_jobs_only(redis: Redis, path: Callable[[], Any]) -> None:
    with transaction.atomic():
        handles = path()
        with pytest.raises(jobs.Boom), transaction.atomic():  # noqa: PT012 -- see above
            path()
            raise jobs.Boom
        with transaction.atomic():
            released = path()
            assert redis.keys("*") == []

    assert pushed(redis) == ids(handles) | ids(released)


def test_a_released_savepoint_is_no_commit(redis: Redis, path: Callable[[], Any]) -> None:
    with transaction.atomic():
        with transaction.atomic():
            path()
        transaction.set_rollback(True)

    assert redis.keys("*") == []


def test_an_inner_block_without_a_savepoint_takes_the_whole_transaction(
    redis: Redis, path: Callable[[], Any]
) -> None:
    with transaction.atomic():
        path()
        with pytest.raises(jobs.Boom), transaction.atomic(savepoint=False):
            raise jobs.Boom

    assert redis.keys("*") == []


def test_the_end_of_a_durable_block_is_the_commit(redis: Redis, path: Callable[[], Any]) -> None:
    with transaction.atomic(durable=True):
        handles = path()
        assert redis.keys("*") == []

    assert pushed(redis) == ids(handles)


def test_the_setting_switches_the_wait_off_on_every_path(
    redis: Redis, path: Callable[[], Any], settings: Settings
) -> None:
    settings.RESQUE = {"ON_COMMIT": False}

    with transaction.atomic():
        handles = path()
        assert pushed(redis) == ids(handles)
        transaction.set_rollback(True)

    assert pushed(redis) == ids(handles)


@pytest.mark.django_db(databases=["default", "other"])
def test_in_a_testcase_the_pushes_of_every_path_can_be_captured(
    redis: Redis,
    path: Callable[[], Any],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        handles = path()
        with transaction.atomic():
            path()
            transaction.set_rollback(True)

    assert redis.keys("*") == []
    for callback in callbacks:
        callback()
    assert pushed(redis) == ids(handles)


@pytest.mark.django_db(databases=["default", "other"])
def test_what_is_captured_and_executed_is_pushed_once(
    redis: Redis, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    enqueue(note, "before, so not captured")
    with django_capture_on_commit_callbacks(execute=True):
        first = enqueue(note, "a")
        with django_capture_on_commit_callbacks(using="other", execute=True):
            second = note.options(using="other").enqueue("b")
        assert pushed(redis) == {second.id}
        third = enqueue(note, "c")

    assert pushed(redis) == {first.id, second.id, third.id}
    assert redis.llen("resque:queue:default") == 3


# Options, and databases.


def test_an_option_switches_the_wait_off(redis: Redis, optioned: Callable[..., Any]) -> None:
    with transaction.atomic():
        handles = optioned(on_commit=False)
        assert pushed(redis) == ids(handles)
        transaction.set_rollback(True)

    assert pushed(redis) == ids(handles)


def test_an_option_switches_the_wait_on(
    redis: Redis, optioned: Callable[..., Any], settings: Settings
) -> None:
    settings.RESQUE = {"ON_COMMIT": False}

    with transaction.atomic():
        handles = optioned(on_commit=True)
        assert redis.keys("*") == []

    assert pushed(redis) == ids(handles)


def test_the_commit_of_the_named_database_counts(
    redis: Redis, optioned: Callable[..., Any]
) -> None:
    with transaction.atomic(using="other"):
        with transaction.atomic():
            handles = optioned(using="other")
        with transaction.atomic():
            transaction.set_rollback(True)
        assert redis.keys("*") == []

    assert pushed(redis) == ids(handles)


def test_the_rollback_of_the_named_database_counts(
    redis: Redis, optioned: Callable[..., Any]
) -> None:
    with transaction.atomic(), transaction.atomic(using="other"):
        optioned(using="other")
        kept = optioned()
        transaction.set_rollback(True, using="other")

    assert pushed(redis) == ids(kept)


def test_a_transaction_of_another_database_is_not_waited_for(
    redis: Redis, optioned: Callable[..., Any]
) -> None:
    with transaction.atomic():
        handles = optioned(using="other")
        assert pushed(redis) == ids(handles)


def test_each_of_many_waits_for_its_own_commit(redis: Redis) -> None:
    with transaction.atomic(using="other"):
        with transaction.atomic():
            at_once, other, default = enqueue_many(
                [
                    (note.options(on_commit=False), "a"),
                    (note.options(using="other"), "b"),
                    (note, "c"),
                ]
            )
            assert pushed(redis) == {at_once.id}
        assert pushed(redis) == {at_once.id, default.id}

    assert pushed(redis) == {at_once.id, default.id, other.id}


def test_of_many_none_is_pushed_if_one_names_a_database_that_does_not_exist(redis: Redis) -> None:
    with pytest.raises(InvalidArguments):
        enqueue_many([(note, "a"), (note.options(on_commit=False, using="typo"), "b")])

    assert redis.keys("*") == []


def test_a_database_that_does_not_exist_is_refused(
    redis: Redis, optioned: Callable[..., Any]
) -> None:
    with pytest.raises(InvalidArguments, match=r"using='typo' names no database; .* 'other'"):
        optioned(using="typo")

    assert redis.keys("*") == []


# What else happens around a commit.


def test_a_commit_that_fails_pushes_nothing(redis: Redis) -> None:
    """The database minds the user that does not exist only at the commit."""
    with pytest.raises(IntegrityError), transaction.atomic():  # noqa: PT012 -- the commit raises
        LogEntry.objects.create(user_id=1, action_flag=1)
        enqueue(note, "path")

    assert redis.keys("*") == []


def test_what_was_rolled_back_is_not_pushed_by_a_later_commit(redis: Redis) -> None:
    held: list[Any] = []
    for _ in range(3):
        try:
            with transaction.atomic():
                held.append(enqueue(note, "rolled back"))
                raise jobs.Boom
        except jobs.Boom as error:
            held.append(error)  # With its traceback, and so with the frames of the calls.

    with transaction.atomic():
        handle = enqueue(note, "kept")

    assert pushed(redis) == {handle.id}


def test_a_hook_at_the_commit_enqueues_at_once(redis: Redis) -> None:
    seen: list[tuple[JobHandle, set[str]]] = []

    def after() -> None:
        handle = enqueue(note, "from the hook")
        seen.append((handle, pushed(redis)))

    with transaction.atomic():
        transaction.on_commit(after)
        first = enqueue(note, "path")

    ((second, then),) = seen
    assert second.id in then
    assert pushed(redis) == {first.id, second.id}


def test_a_transaction_within_a_hook_has_a_commit_of_its_own(redis: Redis) -> None:
    kept: list[JobHandle] = []

    def after() -> None:
        with transaction.atomic():
            enqueue(note, "rolled back")
            transaction.set_rollback(True)
        with transaction.atomic():
            kept.append(enqueue(note, "kept"))

    with transaction.atomic():
        kept.append(enqueue(note, "before"))
        transaction.on_commit(after)
        kept.append(enqueue(note, "behind"))

    assert pushed(redis) == ids(kept)
    assert redis.llen("resque:queue:default") == 3


def test_a_robust_hook_that_raises_keeps_no_job_back(redis: Redis) -> None:
    """One that is not robust does: Django calls none after it, see the README."""
    with transaction.atomic():
        transaction.on_commit(lambda: 1 / 0, robust=True)
        handle = enqueue(note, "path")

    assert pushed(redis) == {handle.id}


# Threads.


def close_connections(**_: Any) -> None:
    """For good: Django leaves SQLite in memory open, and Python warns of what is left so."""
    if threading.current_thread() is not threading.main_thread():
        for each in connections.all(initialized_only=True):
            if each.connection:
                each.connection.close()
                each.connection = None


def test_every_thread_waits_for_its_own_transaction(redis: Redis) -> None:
    number = 6
    together = threading.Barrier(number)
    kept: list[str] = []
    lost: list[str] = []
    early: list[set[str]] = []

    def work(commit: bool) -> None:
        with transaction.atomic():
            handle = enqueue(note, "path")
            together.wait(10)  # All have enqueued, none has committed.
            early.append(pushed(redis))
            together.wait(10)
            transaction.set_rollback(not commit)
        (kept if commit else lost).append(handle.id)
        close_connections()

    threads = [threading.Thread(target=work, args=(at % 2 == 0,)) for at in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert early == [set()] * number
    assert (len(kept), len(lost)) == (3, 3)
    assert pushed(redis) == set(kept)


# Event loops.


@pytest.mark.parametrize("name", BLOCKING)
def test_in_an_event_loop_one_sentence_names_the_twin(redis: Redis, name: str) -> None:
    call, twin = BLOCKING[name]

    async def view() -> None:
        with pytest.raises(SynchronousOnlyOperation, match=rf"Use: await {twin}\(...\)$"):
            call()

    asyncio.run(view())

    assert redis.keys("*") == []


@pytest.mark.parametrize("name", AWAITED)
def test_the_twins_push_at_once_in_an_event_loop(redis: Redis, name: str) -> None:
    async def view() -> Any:
        return await AWAITED[name]()

    handles = asyncio.run(view())

    assert pushed(redis) == ids(handles)


def test_the_options_of_a_job_know_both(redis: Redis) -> None:
    async def view() -> JobHandle:
        with pytest.raises(SynchronousOnlyOperation, match=r"await \.\.\.aenqueue\(...\)$"):
            note.options(queue="mail").enqueue("path")
        return await note.options(queue="mail").aenqueue("path")

    handle = asyncio.run(view())

    assert pushed(redis) == {handle.id}


# Views under ASGI.

Fetch = Callable[[str], tuple[int, dict[str, Any]]]


COMMUNICATOR: Any = ApplicationCommunicator  # It has no types.


async def by_a_server(url: str) -> tuple[int, dict[str, Any]]:
    """As uvicorn and the like call Django: each request gets its own thread for sync code."""
    target, _, query = url.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": target,
        "query_string": query.encode(),
        "headers": [],
    }
    communicator = COMMUNICATOR(ASGIHandler(), scope)
    await communicator.send_input({"type": "http.request"})
    start = await communicator.receive_output(10)
    body = await communicator.receive_output(10)
    await communicator.wait(10)
    return start["status"], _fields(body["body"])


async def by_the_client(url: str) -> tuple[int, dict[str, Any]]:
    async with ThreadSensitiveContext():
        response = await AsyncClient(raise_request_exception=False).get(url)
        await sync_to_async(close_connections)()
    return response.status_code, _fields(response.content)


def _fields(body: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(body) if body.startswith(b"{") else {}
    return fields


@pytest.fixture(params=[by_a_server, by_the_client], ids=lambda way: way.__name__)
def fetch(request: pytest.FixtureRequest) -> Iterator[Fetch]:
    """Status and fields of the answer to a request, in an event loop."""
    request_finished.connect(close_connections)
    yield lambda url: asyncio.run(request.param(url))
    request_finished.disconnect(close_connections)


@pytest.fixture
def atomic_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)


@pytest.mark.parametrize("view", ["plain", "with-a-loop"])
def test_a_view_under_atomic_requests_pushes_after_its_answer_is_made(
    redis: Redis, fetch: Fetch, view: str, atomic_requests: None
) -> None:
    code, answer = fetch(f"/{view}/")

    assert (code, answer["so far"]) == (200, None)
    assert pushed(redis) == {answer["id"]}


@pytest.mark.parametrize("view", ["plain", "with-a-loop"])
def test_a_view_that_fails_under_atomic_requests_pushes_nothing(
    redis: Redis, fetch: Fetch, view: str, atomic_requests: None
) -> None:
    code, _ = fetch(f"/{view}/?fail")

    assert code == 500
    assert redis.keys("*") == []


@pytest.mark.parametrize("view", ["plain", "with-a-loop", "awaiting"])
def test_a_view_without_a_transaction_pushes_at_once(redis: Redis, fetch: Fetch, view: str) -> None:
    code, answer = fetch(f"/{view}/")

    assert (code, answer["so far"]) == (200, "waiting")
    assert pushed(redis) == {answer["id"]}


@pytest.mark.parametrize("view", ["in-a-transaction", "calling", "calling-aside"])
def test_a_transaction_in_sync_code_of_an_async_site_is_waited_for(
    redis: Redis, fetch: Fetch, view: str
) -> None:
    code, answer = fetch(f"/{view}/")

    assert (code, answer["so far"]) == (200, None)
    assert pushed(redis) == {answer["id"]}


@pytest.mark.parametrize("view", ["in-a-transaction", "calling", "calling-aside"])
def test_its_rollback_takes_the_job(redis: Redis, fetch: Fetch, view: str) -> None:
    code, _ = fetch(f"/{view}/?fail")

    assert code == 500
    assert redis.keys("*") == []


def test_an_async_view_that_blocks_is_told_of_the_twin(redis: Redis, fetch: Fetch) -> None:
    _, answer = fetch("/blocking/")

    assert answer == {
        "error": "enqueue() blocks, so not in an event loop. Use: await aenqueue(...)"
    }
    assert redis.keys("*") == []


def test_requests_at_the_same_time_do_not_push_each_others_jobs(
    redis: Redis, atomic_requests: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is in its transaction when the others are, and every other rolls back."""
    together = threading.Barrier(4)
    monkeypatch.setattr(urls, "meanwhile", lambda: together.wait(10))

    async def serve() -> list[tuple[int, dict[str, Any]]]:
        targets = ["/plain/", "/plain/?fail", "/with-a-loop/", "/with-a-loop/?fail"]
        return await asyncio.gather(*map(by_a_server, targets))

    request_finished.connect(close_connections)
    answers = asyncio.run(serve())
    request_finished.disconnect(close_connections)

    assert [code for code, _ in answers] == [200, 500, 200, 500]
    assert pushed(redis) == {answer["id"] for code, answer in answers if code == 200}
