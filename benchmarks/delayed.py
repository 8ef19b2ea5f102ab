"""
How long Redis is held while many jobs are due at one second.

They are pushed in bulk, some are cancelled at several depths, some by their handles, then
all are promoted: by one promoter, and, pushed again, by two at once. For each step: the time
it takes here, how many scripts, how long they held Redis together, and of all calls by the
server's own clock (SLOWLOG) the 99th percentile and the longest. A call over 5 ms would be
felt by everybody else. On a crowded machine the longest tells of the crowd.
"""

import time
from collections.abc import Callable
from functools import partial
from threading import Thread

from django_resque import conf, job_status
from django_resque.items import Item
from django_resque.parcels import Parcel
from django_resque.store import Store

from . import farm

#: Microseconds from which calls are noted; what is shorter is shown as this.
NOTED = 100


def measured(store: Store, what: str, step: Callable[[], object]) -> None:
    """Do a step and print its line."""
    redis = store.redis
    redis.slowlog_reset()
    redis.config_resetstat()
    began = time.perf_counter()
    step()
    seconds = time.perf_counter() - began
    # What a script calls is counted by itself too, so it is the scripts that count.
    counted = redis.info("commandstats").items()
    of_scripts = ("cmdstat_eval", "cmdstat_evalsha")
    calls = sum(stats["calls"] for name, stats in counted if name in of_scripts)
    total = sum(stats["usec"] for name, stats in counted if name in of_scripts) / 1e6
    noted = [entry for entry in redis.slowlog_get(100_000) if entry["duration"] >= NOTED]
    spent = sorted(entry["duration"] / 1000 for entry in noted if not _ours(entry["command"]))
    spent = spent or [NOTED / 1000]
    print(
        f"{what:28}{seconds:8.3f} s{calls:8}{total:8.2f} s{spent[int(len(spent) * 0.99)]:9.2f} ms"
        f"{spent[-1]:9.2f} ms{sum(each > 5 for each in spent):6}"
    )


def _ours(command: bytes) -> bool:
    """The benchmark's own questions."""
    return command.split(b" ")[0].upper() in (b"SLOWLOG", b"INFO", b"CONFIG")


def promote_all(store: Store) -> None:
    while store.promote() is not None:
        pass


def race() -> None:
    """Two promoters, each with a connection of its own."""
    promoters = [
        Thread(target=promote_all, args=(conf.new_store(conf.options()),)) for _ in range(2)
    ]
    for promoter in promoters:
        promoter.start()
    for promoter in promoters:
        promoter.join()


def cancel(store: Store, parcel: Parcel, behind: int) -> None:
    item = Item.new(parcel.queue, parcel.payload, track=parcel.track)
    if not store.cancel_delayed(str(parcel.due), item, behind):
        raise SystemExit("A job that was to be cancelled is not there.")


def cancel_by_handle(number: int) -> None:
    if not job_status(farm.job_id(number)).cancel():
        raise SystemExit("A job that was to be cancelled was not found.")


def measure(store: Store, jobs: int, *, track: bool) -> None:
    redis, now = store.redis, int(time.time())

    def due_at(due: int) -> list[Parcel]:
        return farm.parcels(jobs, "benchmarks.jobs.nothing", track=track, due=due)

    redis.flushall()
    later = due_at(now + 3600)
    measured(store, "push, due later", partial(store.push, later))
    for depth in (0.0, 0.25, 0.5, 0.75, 1.0):
        at = round(depth * (jobs - 1))
        step = partial(cancel, store, later[at], behind=jobs - 1 - at)
        measured(store, f"cancel, at {depth:.0%} of the list", step)
    if track:
        measured(store, "cancel by handle, first", partial(cancel_by_handle, 1))
        measured(store, "cancel by handle, last", partial(cancel_by_handle, jobs - 2))
    redis.flushall()
    store.push(due_at(now - 5))
    measured(store, "promote", partial(promote_all, store))
    redis.flushall()
    store.push(due_at(now - 5))
    measured(store, "promote, two at once", race)


def main() -> None:
    jobs = farm.flags(__doc__, jobs=100_000).jobs
    with farm.running() as store:
        store.redis.config_set("slowlog-log-slower-than", NOTED)
        store.redis.config_set("slowlog-max-len", 100_000)
        for track in (True, False):
            print(f"{jobs:,} jobs due at one second, {'' if track else 'not '}tracked")
            head = f"{'takes':>10}{'scripts':>8}{'hold':>10}{'p99':>12}{'longest':>12}{'>5 ms':>6}"
            print(f"{'':28}{head}")
            measure(store, jobs, track=track)


if __name__ == "__main__":
    main()
