"""What does not answer is not dead: its supervisor beats for it, and by Redis' clock alone."""

import os
import signal
import time
from functools import partial

import pytest

from django_resque import enqueue_in
from tests.chaos.field import FULL, JOBS, Field, size
from tests.conftest import wait_for

pytestmark = pytest.mark.timeout(900 if FULL else 120)

#: Seconds after which a lease of 15 that stands still has been noticed, by a busy machine too.
NOTICED = 30.0


def test_a_job_that_does_not_answer_does_not_make_its_worker_look_dead(field: Field) -> None:
    """
    One holds the GIL, one sleeps in C, one stands in a debugger. Their leases move on all the
    while, in the full run for longer than a lease, under the eyes of another supervisor. Each
    job is performed once, and none fails.
    """
    seconds = size(2, 25)
    work = field.work(count=3)
    for name in ("hold_the_gil", "sleep_in_c", "work"):
        field.enqueue(name, seconds)
    field.begun(3)
    stopped = next(
        line.pid for line in field.ledger.lines() if line.job_id == list(field.acknowledged)[2]
    )
    os.kill(stopped, signal.SIGSTOP)
    if FULL:
        field.work(count=1)

    beats = 0
    while not field.ledger.ends():
        wait_for(partial(all_moved, field, leases(field)), "all three beat", 5)
        beats += 1
    os.kill(stopped, signal.SIGCONT)

    counted = field.ends_well()
    assert beats >= 2  # The last may have come after the first job's end.
    assert "given up" not in work.output
    print(counted, beats, "beats")


def test_clocks_that_are_an_hour_wrong_give_nobody_up_and_make_no_job_early(field: Field) -> None:
    """
    One host's clock is an hour ahead, another's an hour behind. Nobody's worker is taken for
    silent, each job is performed once, and no delayed one before its time by Redis' clock.
    """
    works = [field.work(count=2, CHAOS_CLOCK="3600"), field.work(count=2, CHAOS_CLOCK="-3600")]
    wait_for(lambda: len(leases(field)) == 4, "all beat")
    field.enqueue_many("work", size(50, 2000), 0.01)
    delayed = {}
    for _ in range(size(5, 50)):
        # Typed for jobs of ours, but this process must not import these.
        job = enqueue_in(1, f"{JOBS}.work")  # type: ignore[arg-type]
        field.acknowledge(job.id)
        delayed[job.id] = time.monotonic() + 1

    counted = field.ends_well()

    performed = {line.pid for line in field.ledger.lines()}
    assert all(performed.intersection(work.worker_pids()) for work in works)
    for line in field.ledger.lines():
        assert line.at >= delayed.get(line.job_id, 0) - 0.01
    assert not any("given up" in work.output for work in works)
    print(counted)


@pytest.mark.skipif(not FULL, reason="Waits for leases to run out: CHAOS=full.")
@pytest.mark.parametrize("wrong", [3600, -3600])
def test_with_a_clock_that_is_an_hour_wrong_the_dead_are_noticed_in_time(
    field: Field, wrong: int
) -> None:
    """Neither at once nor an hour later: after a lease, and by another supervisor."""
    field.work(count=1, CHAOS_CLOCK=str(wrong))
    wait_for(lambda: len(leases(field)) == 1, "it beats")
    dying = field.work(count=1, CHAOS_CLOCK=str(-wrong))
    wait_for(lambda: len(leases(field)) == 2, "both beat")
    for _ in range(2):
        field.enqueue("once", 5)
    field.begun(2)

    died = time.monotonic()
    for pid in [*field.children(dying), dying.pid]:
        field.kill(pid)
    dying.process.wait()
    field.works.remove(dying)
    wait_for(lambda: len(leases(field)) == 1, "it is given up", NOTICED)

    assert time.monotonic() - died > 14
    counted = field.ends_well(failures=1)
    assert counted["failed"] == 1
    print(wrong, counted)


def leases(field: Field) -> dict[str, str]:
    return dict(field.redis.hgetall("resque:workers:lease"))


def all_moved(field: Field, before: dict[str, str]) -> bool:
    now = leases(field)
    return all(now.get(worker) not in (None, lease) for worker, lease in before.items())
