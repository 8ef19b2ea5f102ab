"""Redis does what it was asked, and its reply is lost: everything is repeated, nothing doubled."""

from functools import partial

import pytest
from redis.exceptions import ConnectionError

from django_resque import conf, enqueue_in, enqueue_to
from django_resque.errors import EnqueueError
from django_resque.failure import Failure
from tests.chaos.field import FULL, JOBS, Field, size
from tests.conftest import wait_for

pytestmark = pytest.mark.timeout(900 if FULL else 120)

#: What a supervisor and its workers ask in their lives.
STEPS = ("register", "reserve", "settle", "retry", "put_back", "beat", "look", "due", "promote",
         "forget_due", "give_up")  # fmt: skip


def test_a_push_whose_reply_was_lost_is_unknown_and_repeated_once(field: Field) -> None:
    """
    The error says "unknown", because the job is there; `retry()` pushes none beside it, neither
    now nor when its own reply is lost too. The same for a delayed job.
    """
    field.work(count=1)
    # Typed for jobs of ours, but this process must not import these.
    delay = partial(enqueue_in, 0.1, f"{JOBS}.work")  # type: ignore[arg-type]
    push = partial(enqueue_to, "chaos", f"{JOBS}.work")
    for name, enqueue in [("push", push), ("delay", delay)] * size(2, 50):
        fault = field.proxy.lose(name, times=2)

        with pytest.raises(EnqueueError) as caught:
            enqueue()
        assert caught.value.outcome == "unknown"
        with pytest.raises(EnqueueError):
            caught.value.retry()
        assert fault.done.is_set()
        caught.value.retry()
        field.acknowledge(field.insist(caught.value))

    field.ends_well()


def test_no_job_is_performed_twice_while_one_reply_in_seven_is_lost(field: Field) -> None:
    """
    Nobody dies, so each job comes to its effect exactly once, each flaky one is retried exactly
    once, and nothing fails.
    """
    field.work(count=2)
    wait_for(lambda: field.redis.scard("resque:workers") == 2, "both are known")
    fault = field.proxy.lose("*", rate=1 / 7, times=size(100, 2000))
    while not fault.done.is_set():
        field.enqueue("work", 0.001)
        field.enqueue("flaky", 0)
        field.enqueue("once", 0)
        # Or most of the replies would be those of pushes.
        wait_for(lambda: field.redis.llen("resque:queue:chaos") < 10, "workers keep up")

    counted = field.ends_well()

    assert counted["retried"] == len(field.acknowledged) // 3
    assert field.proxy.done.keys() >= {"push", "settle", "retry"}
    print(counted, field.proxy.done)


def test_a_requeue_whose_reply_was_lost_is_not_done_twice(field: Field) -> None:
    """The second try finds the failure gone, and each job runs once more."""
    field.work(count=1)
    field.enqueue_many("stumble", size(5, 200))
    field.rest()
    store = conf.store()

    for raw in field.redis.lrange("resque:failed", 0, -1):
        field.proxy.lose("requeue")
        with pytest.raises(ConnectionError):
            store.requeue(Failure.decode(raw))
        assert store.requeue(Failure.decode(raw)) is False

    field.ends_well(requeued=size(5, 200))
    assert field.proxy.done["requeue"] == size(5, 200)


def test_each_step_may_lose_its_reply(field: Field) -> None:
    """
    The same, for each step by name: for one life of two workers after the other, until all were
    struck, because some steps come once in a life. In the full run each is struck three times.
    """
    faults = {name: field.proxy.lose(name, times=size(1, 3)) for name in STEPS}
    lives = 0
    while not all(fault.done.is_set() for fault in faults.values()):
        lives += 1
        work = field.work(count=2, RESQUE_STOP_TIMEOUT="0.2")
        field.enqueue_many("flaky", 20)
        field.rest()
        begun = field.ledger.starts().total()
        field.enqueue("work", 1)  # Longer than the grace: put back.
        field.begun(begun + 1)
        field.stop(work)
    field.work(count=2)

    counted = field.ends_well()

    assert counted["retried"] == lives * 20
