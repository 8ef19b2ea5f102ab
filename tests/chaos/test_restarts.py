"""Deploys and restarts, of ours and of Redis: nothing is lost, and nothing fails."""

import random
import time

import pytest

from tests.chaos.field import FULL, Field, size

pytestmark = pytest.mark.timeout(3600 if FULL else 120)


def test_jobs_longer_than_the_grace_outlive_any_number_of_stops(field: Field) -> None:
    """
    Each stop interrupts what runs and puts it back: no failure, no retry, no attempt spent, no
    second effect. At last there is time, and each is performed once.
    """
    field.enqueue_many("once", size(8, 40), 0.6)
    for _ in range(size(2, 50)):
        work = field.work(count=2, RESQUE_STOP_TIMEOUT="0.1")
        begun = field.ledger.starts().total()
        field.begun(begun + 2)
        field.stop(work)
        assert field.ledger.ends() == {}

    field.work(count=2)

    counted = field.ends_well()
    assert counted["retried"] == 0
    assert set(field.ledger.attempts().values()) == {1}
    assert field.ledger.starts().total() >= len(field.acknowledged) + 2 * size(2, 50)
    print(counted, "interrupted", field.ledger.starts().total() - len(field.acknowledged))


def test_a_redis_that_is_killed_again_and_again_loses_and_doubles_nothing(field: Field) -> None:
    """
    Under `appendfsync always` what was answered is on disk, and what was not is asked again.
    Nobody of ours dies, so each job comes to its effect exactly once and none fails. Half a step
    that a kill may have left in the AOF is taken out before the start: see test_half_steps.py.
    """
    chance = random.Random(6)
    works = [field.work(count=2), field.work(count=2)]
    for _ in range(size(2, 30)):
        until = time.monotonic() + size(1, 3) * chance.uniform(0.5, 1)
        while time.monotonic() < until:
            field.enqueue("work", 0.005)
            field.enqueue("flaky", 0)
        field.server.kill()
        field.server.mend()
        time.sleep(chance.uniform(0, 0.5))
        field.server.start()

    counted = field.ends_well()
    assert counted["retried"] == len(field.acknowledged) // 2
    assert all(work.output.count("*** Starting worker") == 2 for work in works)
    print(counted)
