"""A Redis that is full, emptied, slow or forgetful: a pause, and then all goes on."""

import time

import pytest

from django_resque import enqueue_to
from django_resque.errors import EnqueueError
from tests.chaos.field import FULL, JOBS, Field, size
from tests.conftest import wait_for

pytestmark = pytest.mark.timeout(900 if FULL else 120)


def test_a_full_redis_refuses_new_jobs_and_drains_to_zero(field: Field) -> None:
    """
    At `maxmemory` a push is refused, by an error that says so, and nothing of it is there; the
    backlog is worked off all the same, failures and retries included, each job once.
    """
    field.work(count=2)
    wait_for(lambda: field.redis.scard("resque:workers") == 2, "both are known")
    field.redis.set("resque:pause-all-workers", "true")
    field.enqueue_many("work", size(800, 8000))
    field.enqueue_many("flaky", size(200, 2000))
    field.redis.config_set("maxmemory", 1)  # The limit is far below what is used already.

    with pytest.raises(EnqueueError) as caught:
        enqueue_to("chaos", f"{JOBS}.work")
    assert caught.value.outcome == "refused"
    field.redis.delete("resque:pause-all-workers")
    field.rest()
    assert field.redis.llen("resque:queue:chaos") == 0

    field.redis.config_set("maxmemory", 0)
    field.acknowledge(field.insist(caught.value))
    counted = field.ends_well()
    assert counted["retried"] == size(200, 2000)
    print(counted)


def test_cut_connections_a_frozen_redis_and_flushed_scripts_are_a_pause(field: Field) -> None:
    """Nobody dies: each job comes to its effect exactly once, and none fails."""
    works = [field.work(count=2), field.work(count=2)]
    for at in range(size(12, 200)):
        for _ in range(10):
            field.enqueue("work", 0.005)
            field.enqueue("flaky", 0)
        if at % 4 == 0:
            field.redis.client_kill_filter(_type="normal", skipme=True)
        elif at % 4 == 1:
            field.redis.script_flush()
        elif at % 4 == 2:
            field.proxy.cut()
        elif at in (3, 103):
            field.server.freeze(size(2, 8))

    counted = field.ends_well()
    assert counted["retried"] == len(field.acknowledged) // 2
    assert all(work.output.count("*** Starting worker") == 2 for work in works)
    print(counted)


def test_after_a_flushall_workers_are_known_again_and_go_on(field: Field) -> None:
    """
    What was flushed is lost, as whoever flushed has asked. A job in hand runs to its end; its
    settling changes nothing. Workers are known and beat within a heartbeat; what is enqueued
    from then on is performed once.
    """
    for _ in range(size(1, 20)):
        work = field.work(count=2)
        before = field.ledger.starts().total()
        enqueue_to("chaos", f"{JOBS}.work", 0.5)
        field.begun(before + 1)

        field.redis.flushall()
        wait_for(lambda: field.redis.hlen("resque:workers:lease") == 2, "both beat", 5)
        assert field.redis.scard("resque:workers") == 2
        work.says("settled by somebody else")
        field.ledger.forget()
        field.acknowledged.clear()
        field.enqueue_many("work", 20, 0.001)
        field.enqueue_many("flaky", 20)

        field.ends_well()
        assert work.output.count("*** Starting worker") == 2


def test_a_slow_link_changes_nothing(field: Field) -> None:
    """20 ms before each command: each job comes to its effect exactly once."""
    field.proxy.delay = 0.02
    field.work(count=2)
    field.enqueue_many("flaky", size(20, 500))
    start = time.monotonic()

    counted = field.ends_well()
    print(counted, time.monotonic() - start)
