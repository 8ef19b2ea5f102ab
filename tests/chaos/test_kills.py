"""SIGKILL, at any time and at the worst of times: nothing is lost, and nothing is left."""

import os
import random
import signal
import time
from contextlib import suppress

import pytest

from tests.chaos.field import FULL, Field, size
from tests.conftest import Command, wait_for

pytestmark = pytest.mark.timeout(3600 if FULL else 120)

#: What a worker process asks, and what a supervisor does. `push` and `delay` are asked by jobs.
OF_WORKERS = ("register", "reserve", "settle", "retry", "put_back", "push", "delay")
OF_SUPERVISORS = ("beat", "due", "promote", "forget_due", "give_up")


def kill_somebody(field: Field, chance: random.Random) -> None:
    """A worker process, a supervisor, or one with all its workers; what has lost its head gets
    a new one."""
    work = chance.choice(field.works)
    workers = field.children(work)
    kind = chance.choices(("worker", "supervisor", "tree"), (8, 1, 1))[0]
    if kind == "worker":
        for pid in workers[:1]:
            field.kill(pid)
        return
    field.killed += len(workers)  # By the kernel, as their parent dies.
    for pid in [*workers, work.pid] if kind == "tree" else [work.pid]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    work.process.wait()
    field.works.remove(work)
    field.work(count=2)


@pytest.mark.parametrize("seed", range(size(1, 20)))
def test_no_job_is_lost_whoever_is_killed(field: Field, seed: int) -> None:
    """
    Each job with a policy comes to its effect, each without comes to its effect or is a
    failure. There are at most as many failures, retries and second effects as processes killed.
    """
    chance = random.Random(seed)
    jobs = size(100, 1000)
    field.enqueue_many("work", jobs // 2, 0.02)
    field.enqueue_many("once", jobs // 2, 0.02)
    field.work(count=2)
    field.work(count=2)
    field.begun(5)

    while not field.resting():
        kill_somebody(field, chance)
        time.sleep(chance.uniform(0.05, 0.4))

    counted = field.ends_well(doubles=field.killed, failures=field.killed)
    assert counted["killed"] > 0
    print(seed, counted)


def revive(field: Field, work: Command, name: str) -> Command:
    """A new supervisor for one that was killed, or whose only worker was told to stop."""
    if name not in (*OF_SUPERVISORS, "put_back"):
        return work
    work.ends()
    field.works.remove(work)
    return field.work(count=1, RESQUE_STOP_TIMEOUT="0.2")


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_whoever_is_killed_at_a_step_leaves_it_undone_or_done(field: Field, before: bool) -> None:
    """
    Killed before Redis gets a step, or when Redis has done it and before the answer arrives.
    A policy brings each job to its effect; a second effect only where the process died
    between it and its settling, which is once for each kill at `settle`.
    """
    work = field.work(count=1, RESQUE_STOP_TIMEOUT="0.2")
    steps = OF_WORKERS + OF_SUPERVISORS
    # Reduced: each step in one of the two ways.
    for name in steps * 10 if FULL else steps[before::2]:
        fault = field.proxy.kill(name, before=before)
        provoke(field, name)
        wait_for(fault.done.is_set, f"{name} was asked")
        field.killed += 1
        work = revive(field, work, name)
        field.rest()

    counted = field.ends_well(doubles=field.killed)
    assert counted["failed"] == 0
    print(before, counted)


def provoke(field: Field, name: str) -> None:
    """See to it that this step is asked for."""
    if name in ("push", "delay"):
        field.enqueue(f"{name}_another")
    elif name in ("retry", "due", "promote", "forget_due"):
        field.enqueue("flaky")
    elif name in ("register", "give_up"):
        for pid in field.children(field.works[-1]):
            field.kill(pid)
    elif name == "put_back":
        begun = field.ledger.starts().total()
        field.enqueue("work", 1)
        field.begun(begun + 1)
        for pid in field.children(field.works[-1]):
            os.kill(pid, signal.SIGTERM)
    else:
        field.enqueue("work")
