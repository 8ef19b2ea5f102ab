"""
50,000 jobs through one worker process: what it holds at the end is what it held at first.

Takes about a minute, so it is in an environment of its own: `tox run -e long`.
"""

import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path

import pytest
from redis import Redis

from django_resque import enqueue_in, enqueue_many
from tests.conftest import Command, Farm, wait_for
from tests.long import jobs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(175)]

JOBS = 50_000

#: After each so many all is counted; the first count, after the warm-up, is the measure.
ROUND = 5_000

#: One mix is 100 jobs: these, five that are delayed, and ten that jobs enqueue.
MIX = [
    *[(jobs.nothing,)] * 30,
    *[(jobs.fail,)] * 10,
    *[(jobs.log,)] * 10,
    *[(jobs.query,)] * 10,
    *[(jobs.enqueue_another,)] * 10,
    *[(jobs.say,)] * 10,
    *[(jobs.use_a_thread,)] * 3,
    *[(jobs.use_a_process,)] * 2,
]
DELAYED = 5

#: Megabytes by which a process may be larger than after the warm-up: the heap breathes. A leak
#: of 100 bytes in each job would be 4.5.
BREATH = 2.0


@dataclass(frozen=True)
class Held:
    """What a process holds."""

    files: int
    threads: int
    children: int
    zombies: int
    megabytes: float

    def __str__(self) -> str:
        return "{:5} {:7} {:8} {:7} {:9.1f}".format(*astuple(self))


def held(pid: int) -> Held:
    """By what /proc tells of it."""
    process = Path(f"/proc/{pid}")
    status = dict(
        line.split(":", 1) for line in (process / "status").read_text("utf-8").splitlines()
    )
    children = (process / f"task/{pid}/children").read_text("ascii").split()
    states = [Path(f"/proc/{child}/stat").read_text("utf-8") for child in children]
    return Held(
        files=len(list((process / "fd").iterdir())),
        threads=int(status["Threads"]),
        children=len(children),
        zombies=sum(") Z " in state for state in states),
        megabytes=int(status["VmRSS"].split()[0]) / 1000,
    )


def settled(redis: Redis, count: int) -> bool:
    return int(redis.get("resque:stat:processed") or 0) == count


def enqueue_round() -> None:
    for _ in range(ROUND // 100):
        enqueue_many(MIX)
        for _ in range(DELAYED):
            enqueue_in(0.5, jobs.nothing)


def counts(work: Command, redis: Redis) -> Iterator[tuple[int, Held, Held]]:
    """After each round: jobs performed, and what the worker process and the supervisor hold."""
    work.says("*** Starting worker")
    worker = work.worker_pids()[0]
    title = Path(f"/proc/{worker}/cmdline")
    for done in range(ROUND, JOBS + 1, ROUND):
        enqueue_round()
        wait_for(partial(settled, redis, done), f"{done} jobs are settled", deadline=60)
        wait_for(lambda: "Waiting for" in title.read_text("utf-8"), "the worker waits")
        yield done, held(worker), held(work.pid)


def test_a_worker_process_and_its_supervisor_stay_as_they_are(
    farm: Farm, redis: Redis, tmp_path: Path
) -> None:
    began = time.monotonic()
    work = farm("resque_work", "--count=1", TEST_DATABASE=str(tmp_path / "database"))

    found = list(counts(work, redis))

    print(f"\n{'':11} files threads children zombies megabytes, {time.monotonic() - began:.0f} s")
    for done, *both in found:
        for name, each in zip(("worker", "supervisor"), both, strict=True):
            print(f"{done:6} {name[:6]:6} {each}")
    first, later = found[0], found[1:]
    for _, *both in later:
        for each, measure in zip(both, first[1:], strict=True):
            assert astuple(each)[:-1] == astuple(measure)[:-1]
            assert each.megabytes <= measure.megabytes + BREATH
            assert each.zombies == 0
    assert int(redis.get("resque:stat:failed") or 0) == JOBS // 10
    assert len(work.worker_pids()) == 1
