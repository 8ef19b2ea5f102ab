"""
The primary dies and a sentinel promotes a replica: a pause, and no more is lost than what the
promoted one never had.
"""

import signal
import threading
import time
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from django_resque import enqueue_to
from django_resque.errors import EnqueueError
from tests.chaos import behind_sentinel
from tests.chaos.family import FAILOVER, Family
from tests.chaos.field import COMPLETE, FULL, JOBS, Field, size
from tests.conftest import wait_for

pytestmark = pytest.mark.timeout(900 if FULL else 120)

#: Seconds before its primary's death of which a replica may know nothing, on one machine.
LAG = 1.0


@pytest.fixture
def family(field: Field, settings: Settings) -> Iterator[Family]:
    """Everybody asks its sentinels where Redis is."""
    found = Family(field.server.directory, field.server)
    settings.CACHES = behind_sentinel.caches(found.name, found.ports)
    settings.DJANGO_REDIS_CONNECTION_FACTORY = behind_sentinel.DJANGO_REDIS_CONNECTION_FACTORY
    settings.RESQUE = {"CACHE": "resque", "DB": 0, "DEFAULT_QUEUE": "chaos", "ON_COMMIT": False}
    field.environment["DJANGO_SETTINGS_MODULE"] = "tests.chaos.behind_sentinel"
    field.environment["SENTINELS"] = ",".join([found.name, *map(str, found.ports)])
    yield found
    found.close()


def ends_as_promoted(field: Field, windows: list[tuple[float, float]]) -> dict[str, int]:
    """
    What holds where Redis has forgotten all that happened in these spans of time: what was
    acknowledged in one may be lost, and what began or ended in one may be performed again, or
    be a failure by its policy. Nothing else.
    """
    field.rest()
    for work in list(field.works):
        field.stop(work)
    ends, failed = field.ledger.ends(), field.failures()
    acknowledged = {job_id for job_id, at in field.acknowledged.items() if _within(at, windows)}
    touched = {line.job_id for line in field.ledger.lines() if _within(line.at, windows)}
    lost = {each for each in field.acknowledged if not ends[each] and not failed[each]}
    again = {job_id for job_id, count in ends.items() if count > 1}

    assert lost <= acknowledged
    assert again <= touched
    assert failed.keys() <= touched
    assert field.ledger.overlaps().total() == 0
    assert field.left_by_workers() == []
    for job_id in field.acknowledged.keys() - acknowledged - touched:
        assert field.status(job_id) == COMPLETE, job_id
    return {
        "jobs": len(field.acknowledged),
        "lost": len(lost),
        "doubled": sum(ends.values()) - len(ends),
        "failed": failed.total(),
    }


def _within(at: float, windows: list[tuple[float, float]]) -> bool:
    return any(begin <= at <= end for begin, end in windows)


def test_a_failover_is_a_pause(field: Field, family: Family) -> None:
    """
    The primary is killed at work. Who enqueues and who works ask the sentinels again, with the
    same push and the same steps; what the dead one had answered in its last second may be lost,
    and nothing else. Nobody of ours is replaced.
    """
    works = [field.work(count=2), field.work(count=2)]
    wait_for(lambda: field.redis.scard("resque:workers") == 4, "all are known")
    windows = []
    for at in range(size(1, 5)):
        died = family.primary()
        assert died
        killer = threading.Timer(0.5 + 0.1 * at, died.kill)
        killer.start()
        until = time.monotonic() + 1
        while time.monotonic() < until:
            field.enqueue("work", 0.005)
            field.enqueue("flaky", 0)
        windows.append((died.killed - LAG, died.killed))
        field.server = family.fail_over(died)
        field.redis = field.server.client()
        if FULL:
            died.start()
            family.whole()

    counted = ends_as_promoted(field, windows)
    assert all(work.output.count("*** Starting worker") == 2 for work in works)
    print(counted)


@pytest.mark.parametrize("bounded", [False, True], ids=["unbounded", "bounded"])
@pytest.mark.skipif(not FULL, reason="The same failover with other faults before it: CHAOS=full.")
def test_what_only_a_cut_off_primary_had_is_lost_and_can_be_bounded(
    field: Field, family: Family, bounded: bool
) -> None:
    """
    A primary that has lost its replicas dies. What it acknowledged meanwhile and nobody had
    begun is lost, which is counted; with `min-replicas-to-write` it refuses instead, and says
    so to whoever enqueues.
    """
    field.work(count=2)
    field.enqueue_many("work", 100, 0.05)
    field.begun(20)
    family.whole()
    primary, *replicas = family.servers
    if bounded:
        field.redis.config_set("min-replicas-to-write", 1)
        field.redis.config_set("min-replicas-max-lag", 1)

    cut_off = time.monotonic()
    for replica in replicas:
        replica.client().replicaof("127.0.0.1", 1)
    if bounded:
        with pytest.raises(EnqueueError) as caught:
            enqueue_to("chaos", f"{JOBS}.work")
        assert caught.value.outcome == "refused"
    else:
        field.enqueue_many("work", 200, 0.05)
        field.begun(60)
    primary.kill()
    field.server = family.fail_over(primary)
    field.redis = field.server.client()
    if bounded:
        field.acknowledge(field.insist(caught.value))

    counted = ends_as_promoted(field, [(cut_off - LAG, primary.killed)])
    assert bool(counted["lost"]) is not bounded
    print(bounded, counted)


@pytest.mark.parametrize("bounded", [False, True], ids=["unbounded", "bounded"])
@pytest.mark.skipif(not FULL, reason="Waits for the sentinels to see what came back: CHAOS=full.")
def test_a_primary_that_was_only_frozen_is_left_when_it_comes_back(
    field: Field, family: Family, bounded: bool
) -> None:
    """
    It is taken for dead, and when it wakes takes itself for the primary until the sentinels tell
    it otherwise. Whoever waits for its answer gets one, and goes on with it: all that happens
    there meanwhile is done again by the new one's account. With `min-replicas-to-write` it
    refuses at once, and only what was in hand may be.
    """
    if bounded:
        for server in family.servers:
            with server.client() as redis:
                redis.config_set("min-replicas-to-write", 1)
                redis.config_set("min-replicas-max-lag", 1)
    works = [field.work(count=2), field.work(count=2)]
    field.enqueue_many("work", 300, 0.02)
    field.begun(20)
    frozen = field.server

    since = time.monotonic()
    frozen.process.send_signal(signal.SIGSTOP)
    field.server = family.fail_over(frozen)
    field.redis = field.server.client()
    frozen.process.send_signal(signal.SIGCONT)
    with frozen.client() as old:
        wait_for(lambda: old.role()[0] == "slave", "the sentinels demote it", FAILOVER)
    windows = [(since - LAG, time.monotonic())]
    for _ in range(50):
        field.enqueue("flaky", 0)

    counted = ends_as_promoted(field, windows)
    # Of each worker what it was settling, and what the answer to that gave it.
    assert not bounded or counted["doubled"] <= 2 * 4
    assert all(work.output.count("*** Starting worker") == 2 for work in works)
    print(bounded, counted)
