"""Supervisors that are stopped or cut off for longer than a lease, and come back."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.chaos.field import FULL, Field
from tests.chaos.proxy import Proxy
from tests.conftest import Command, wait_for

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(not FULL, reason="Waits for leases to run out: CHAOS=full."),
]

#: Seconds in which a lease of 15 has run out, and the others have noticed.
BEYOND = 30.0


@pytest.fixture
def own_proxy(field: Field) -> Iterator[Proxy]:
    """For one supervisor alone."""
    found = Proxy(field.server.port)
    yield found
    found.close()


def known(field: Field, count: int) -> None:
    wait_for(lambda: field.redis.scard("resque:workers") == count, f"{count} are known", BEYOND)


def test_what_was_stopped_beyond_its_lease_cannot_settle(field: Field) -> None:
    """
    SIGSTOP for a supervisor and its worker, with a job in hand. Another supervisor gives it up
    and has the job performed anew; the first run, continued, comes to its effect too, which is
    the one double there may be, and drops its result with a line in the log. It is known again.
    """
    frozen = field.work(count=1)
    job_id = field.enqueue("work", 1)
    field.begun(1)
    pids = [frozen.pid, *field.children(frozen)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    field.work(count=1)

    wait_for(lambda: field.ledger.ends()[job_id] == 1, "another has performed it", BEYOND)
    known(field, 1)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)

    frozen.says("settled by somebody else")
    known(field, 2)
    field.frozen = 1
    counted = field.ends_well(doubles=1)
    assert counted["doubled"] == 1
    print(counted)


def test_a_fence_keeps_the_runs_of_a_job_apart(field: Field, own_proxy: Proxy) -> None:
    """
    A black hole for a supervisor whose two workers have jobs in hand, one of them with a fence.
    This one is interrupted before another worker may begin it anew, so its runs do not overlap
    and it comes to its effect once. The one without a fence runs on, beside its second run.
    """
    field.work(count=2, REDIS_URL=own_proxy.url)
    fenced, free = field.enqueue("fenced", BEYOND), field.enqueue("work", BEYOND)
    field.begun(2)
    field.work(count=2)
    known(field, 4)
    own_proxy.hole(black=True)

    known(field, 2)
    field.begun(4)
    own_proxy.hole(black=False)
    known(field, 4)
    field.rest()

    assert field.ledger.overlaps() == {free: 1}
    assert field.ledger.ends() == {fenced: 1, free: 2}
    field.frozen = 1
    print(field.ends_well(doubles=1))


def test_a_black_hole_for_one_of_three_delays_its_jobs_and_loses_none(
    field: Field, own_proxy: Proxy
) -> None:
    """
    30 s in which nothing passes between one supervisor and Redis, and nothing is refused. The
    others give its workers up and go on; at most the jobs that it had in hand come to their
    effect twice.
    """
    cut_off = field.work(count=2, REDIS_URL=own_proxy.url)
    others: list[Command] = [field.work(count=2), field.work(count=2)]
    known(field, 6)
    field.enqueue_many("work", 600, 0.1)
    field.begun(30)
    own_proxy.hole(black=True)

    known(field, 4)
    field.rest()
    own_proxy.hole(black=False)
    known(field, 6)
    field.enqueue_many("flaky", 100)
    field.rest()

    field.frozen = 2
    counted = field.ends_well(doubles=2)
    assert all(work.output.count("*** Starting worker") == 2 for work in [cut_off, *others])
    print(counted)
