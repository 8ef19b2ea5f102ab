"""
Jobs per second of one worker process whose jobs do nothing, against two bare loops.

port      Resque's own loop, ported faithfully to redis-py: LPOP, SET of the record, then
          DEL and the counters in a MULTI. Three round trips a job, nothing performed.
bare      what a worker asks of Redis and no more: one script that settles a job and takes
          the next. Nothing performed.
worker    `resque_work --burst` with a job that is not tracked, and with one that is. The time
          runs from its first job to its last, so its start is not in it.

All in one run on one Redis, each --rounds times in turn; the medians are printed.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

from django_resque.about import About
from django_resque.outcome import Outcome
from django_resque.store import Store, Take
from django_resque.wire import Reservation

from . import farm

WORKER = "benchmark:1:default"


def port(store: Store, jobs: int) -> float:
    """Jobs per second."""
    push(store, jobs, "benchmarks.jobs.nothing", track=False)
    redis, keys = store.redis, store.keys
    record, queue = keys.worker(WORKER), keys.queue("default")
    began = time.perf_counter()
    while isinstance(payload := redis.lpop(queue), str):
        work = {"queue": "default", "run_at": "", "payload": json.loads(payload)}
        redis.set(record, json.dumps(work))
        with redis.pipeline(transaction=True) as pipe:
            pipe.delete(record)
            pipe.incr(keys.stat("processed"))
            pipe.incr(keys.stat("processed", WORKER))
            pipe.execute()
    return jobs / (time.perf_counter() - began)


def bare(store: Store, jobs: int) -> float:
    """Jobs per second."""
    push(store, jobs, "benchmarks.jobs.nothing", track=False)
    store.register(WORKER, About("benchmark", 1, "1", 1, "1", "0"))
    began = time.perf_counter()
    held = store.reserve(Take.new(WORKER, ["default"]))
    while isinstance(held, Reservation):
        _, held = store.settle(held, Outcome(), Take.new(WORKER, ["default"]))
    return jobs / (time.perf_counter() - began)


def worker(store: Store, jobs: int, *, track: bool) -> float:
    """Jobs per second."""
    push(store, jobs, f"benchmarks.jobs.{'tracked' if track else 'nothing'}", track=track)
    command = [sys.executable, "-m", "django", "resque_work", "--burst", "--queue=default"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while (first := processed(store)) == 0 and process.poll() is None:
            time.sleep(0.001)
        began = time.perf_counter()
        while processed(store) < jobs and process.poll() is None:
            time.sleep(0.02)
        seconds = time.perf_counter() - began
    last = processed(store)
    if last < jobs:
        raise SystemExit(f"The worker ended after {last} of {jobs} jobs.")
    return (last - first) / seconds


def push(store: Store, jobs: int, name: str, *, track: bool) -> None:
    store.redis.flushall()
    store.push(farm.parcels(jobs, name, track=track))


def processed(store: Store) -> int:
    return int(store.redis.get(store.keys.stat("processed")) or 0)


def main() -> None:
    flags = farm.flags(__doc__, jobs=20_000, rounds=3)
    jobs = flags.jobs
    loops: dict[str, Callable[[Store], float]] = {
        "port": lambda store: port(store, jobs),
        "bare": lambda store: bare(store, jobs),
        "worker, untracked": lambda store: worker(store, jobs, track=False),
        "worker, tracked": lambda store: worker(store, jobs, track=True),
    }
    rates: dict[str, list[float]] = {name: [] for name in loops}
    with farm.running() as store:
        for _ in range(flags.rounds):
            for name, loop in loops.items():
                rates[name].append(loop(store))
    medians = {name: median(found) for name, found in rates.items()}
    print(f"{'':20}{'jobs/s':>10}{'to port':>10}{'to bare':>10}")
    for name, rate in medians.items():
        ratios = f"{rate / medians['port']:>10.2f}{rate / medians['bare']:>10.2f}"
        print(f"{name:20}{rate:>10,.0f}{ratios}")


if __name__ == "__main__":
    main()
