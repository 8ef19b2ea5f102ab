"""
A Redis that is away, or answers that it cannot: everybody waits, with next to no CPU and one
line for each incident, and goes on where he was.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from redis.exceptions import RedisError

from django_resque import enqueue_to
from django_resque.connection import taken
from django_resque.errors import EnqueueError
from tests.chaos.field import FULL, JOBS, Field, size
from tests.conftest import wait_for

pytestmark = pytest.mark.timeout(900 if FULL else 120)


@contextmanager
def gone(field: Field) -> Iterator[None]:
    field.server.kill()
    yield
    field.server.start()


@contextmanager
def loading(field: Field) -> Iterator[None]:
    """It has much to read, and between each thousand commands it says so to whoever asks."""
    with field.redis.pipeline() as pipe:
        for at in range(5000):
            pipe.set("padding", at)
        pipe.execute()
    field.server.kill()
    field.server.launch("--key-load-delay", str(size(200, 1000)))
    wait_for(lambda: "LOADING" in complaint(field), "it is loading")
    yield
    wait_for(lambda: not complaint(field), "it has loaded")


@contextmanager
def read_only(field: Field) -> Iterator[None]:
    field.redis.replicaof("127.0.0.1", 1)
    yield
    field.redis.replicaof("NO", "ONE")


@contextmanager
def without_replicas(field: Field) -> Iterator[None]:
    field.redis.config_set("min-replicas-to-write", 1)
    yield
    field.redis.config_set("min-replicas-to-write", 0)


@contextmanager
def cannot_save(field: Field) -> Iterator[None]:
    """A directory has the name of the file."""
    directory = field.server.directory / "dump.rdb"
    directory.unlink(missing_ok=True)
    directory.mkdir()
    field.redis.config_set("save", "3600 1")
    field.redis.bgsave()
    wait_for(lambda: saved(field) == "err", "it could not save")
    yield
    directory.rmdir()
    field.redis.bgsave()
    wait_for(lambda: saved(field) == "ok", "it could")
    field.redis.config_set("save", "")


@contextmanager
def busy(field: Field) -> Iterator[None]:
    """With a script that does not end."""
    field.redis.config_set("lua-time-limit", 10)
    with field.server.client() as other:
        connection: Any = taken(other.connection_pool)  # redis-py does not annotate it.
        connection.send_command("EVAL", "while true do end", 0)
        wait_for(lambda: "BUSY" in complaint(field), "it is busy")
        yield
        field.redis.script_kill()
        connection.disconnect()


TROUBLES: list[Callable[[Field], AbstractContextManager[None]]] = [loading, read_only, busy]
if FULL:
    TROUBLES = [*TROUBLES, gone, without_replicas, cannot_save] * 2


def complaint(field: Field) -> str:
    try:
        field.redis.ping()
    except RedisError as error:
        return f"{type(error).__name__} {error}".replace("BusyLoadingError", "LOADING")
    return ""


def pass_time(seconds: float) -> None:
    until = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > until, "some more tries")


def saved(field: Field) -> str:
    return str(field.redis.info("persistence")["rdb_last_bgsave_status"])


def test_a_redis_that_refuses_is_waited_for_without_noise(field: Field) -> None:
    """
    Six ways to refuse (reduced, three), one after the other, each in the midst of work.
    `enqueue` says that nothing is there. Supervisor and workers say it once each, and use next
    to no CPU. Then each job comes to its effect exactly once.
    """
    work = field.work(count=2)
    for times, trouble in enumerate(TROUBLES, 1):
        begun = field.ledger.starts().total()
        field.enqueue_many("work", 30, 0.02)
        field.enqueue_many("flaky", 5)
        field.begun(begun + 2)

        with trouble(field):
            with pytest.raises(EnqueueError) as caught:
                enqueue_to("chaos", f"{JOBS}.work")
            if trouble not in (gone, loading):  # Else the push may have been on its way.
                assert caught.value.outcome == "refused", trouble
            work.says("redis is away", times * 3)
            before = field.cpu(work)
            pass_time(size(1, 3))
            used = field.cpu(work) - before

        assert used < size(1, 3) * 0.1, trouble
        field.acknowledge(field.insist(caught.value))
        field.rest()
        assert work.output.count("redis is away") == times * 3, (trouble, work.output)

    counted = field.ends_well()
    assert counted["retried"] == len(TROUBLES) * 5
    assert work.output.count("*** Starting worker") == 2
    print(counted)


def test_who_has_nothing_to_write_does_not_take_reads_for_the_end(field: Field) -> None:
    """
    Of a Redis that takes no writes an idle supervisor's looks are answered all the time. It is
    one incident all the same: one line at either end.
    """
    work = field.work(count=2)
    field.enqueue("work")
    field.rest()
    wait_for(lambda: field.idle(work), "nobody is at work")

    with read_only(field):
        work.says("redis is away")
        pass_time(size(1, 10))

    work.says("redis is back")
    assert work.output.count("redis is away") == work.output.count("redis is back") == 1
    field.ends_well()


def test_a_link_of_which_one_end_is_gone_is_made_anew(field: Field) -> None:
    """
    All connections there are pass nothing any more, without being closed; new ones do. Whoever
    waits for an answer asks again, and an idle worker is woken by the next push.
    """
    work = field.work(count=2)
    for at in range(size(1, 10)):
        begun = field.ledger.starts().total()
        field.enqueue_many("flaky", 30, 0.02)
        if at % 2:
            field.rest()
            wait_for(lambda: field.idle(work), "nobody is at work")
        else:
            field.begun(begun + 5)
        field.proxy.strand()
        field.enqueue("work")
        field.rest()

    counted = field.ends_well()
    assert counted["retried"] == 30 * size(1, 10)
    assert work.output.count("*** Starting worker") == 2
    print(counted)
