"""Idle workers are silent, and awake at once: the doorbell, a look, and who is woken by it."""

import json
import logging
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from django_resque import clock, conf, control, enqueue, enqueue_to
from django_resque.about import About
from django_resque.board import State
from django_resque.child import Child
from django_resque.crew import Crew
from django_resque.doorbell import Doorbell
from django_resque.store import Store
from django_resque.upkeep import Upkeep
from tests.conftest import Command, Farm, wait_for
from tests.project import jobs
from tests.test_working import lines, title

pytestmark = pytest.mark.django_db(transaction=True)

#: Seconds that a wake-up may take: a machine that is busy, and still far less than 60.
SOON = 3.0


def scripts_run(redis: Redis) -> int:
    stats: dict[str, Any] = redis.info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "eval"))


def quiet(redis: Redis) -> None:
    """Waits until nobody has run a script for a while: all sleep, and the doorbell is armed."""
    last = [scripts_run(redis), time.monotonic()]

    def still() -> bool:
        if (now := scripts_run(redis)) != last[0]:
            last[:] = [now, time.monotonic()]
        return time.monotonic() - last[1] > 0.15

    wait_for(still, "nobody runs a script")


def idle(farm: Farm, redis: Redis, *words: str, count: int = 1, **environment: str) -> Command:
    """Workers that have been told of nothing to do, and look for it each minute only."""
    work = farm("resque_work", "--interval=60", f"--count={count}", *words, **environment)
    wait_for(lambda: all_wait(work, count), "all workers wait")
    quiet(redis)
    return work


def all_wait(work: Command, count: int) -> bool:
    pids = work.worker_pids()
    return len(pids) == count and all(": Waiting for " in title(pid) for pid in pids)


def push_as_ruby_does(redis: Redis, queue: str, *args: Any, times: int = 1) -> None:
    raw = json.dumps({"class": jobs.note.job.name, "args": args})
    redis.sadd("resque:queues", queue)
    redis.rpush(f"resque:queue:{queue}", *[raw] * times)


def soon(trace: Path, count: int = 1) -> None:
    wait_for(lambda: len(lines(trace)) >= count, f"{count} jobs are done", SOON)


@pytest.fixture
def hand(store: Store) -> Iterator[tuple[Upkeep, Crew]]:
    """A supervisor's upkeep, and the only one that it can wake, who just sits there."""
    options, crew = conf.options(), Crew(1, 1)
    bell = Doorbell(conf.pool(options), store.keys)
    place, ear, writer = crew.place()
    about = About("here", 1, "1", 1, "1", "1")
    crew.children[1] = Child(1, place, writer, about, "here:1:*", 0.0, 0.0)
    place.state = State.WAITING
    yield Upkeep(store, options, ("*",), crew, bell, clock.ALONE), crew
    bell.close()
    crew.close()
    os.close(ear)
    os.close(writer)


# Awake at once.


@pytest.mark.parametrize("count", [1, 20])
def test_a_job_is_picked_up_at_once_whoever_pushes_it(
    farm: Farm, redis: Redis, trace: Path, count: int
) -> None:
    idle(farm, redis, count=count)

    enqueue(jobs.note, str(trace), "ours")

    soon(trace)
    quiet(redis)
    push_as_ruby_does(redis, "default", str(trace), "Ruby's")
    soon(trace, 2)
    assert lines(trace) == ["ours", "Ruby's"]


def test_a_limit_of_connections_in_the_url_hinders_nobody(
    farm: Farm, redis: Redis, redis_url: str, trace: Path
) -> None:
    work = idle(farm, redis, REDIS_URL=f"{redis_url}?max_connections=1")

    enqueue(jobs.note, str(trace))

    wait_for(lambda: lines(trace), "the job is performed")
    assert "redis is away" not in work.output


def test_so_many_are_woken_as_there_are_jobs(farm: Farm, redis: Redis, trace: Path) -> None:
    idle(farm, redis, "--queue=slow", count=20)
    for jobs_before, count in ((0, 1), (1, 5)):
        before = scripts_run(redis)

        raw = json.dumps({"class": jobs.linger.job.name, "args": [str(trace), 0.2]})
        redis.rpush("resque:queue:slow", *[raw] * count)

        soon(trace, jobs_before + count)
        quiet(redis)
        # A take and its settling for each, a few looks of the supervisor, and perhaps a beat.
        assert scripts_run(redis) - before < 2 * count + 10


def test_a_burst_is_worked_by_many(farm: Farm, redis: Redis, trace: Path) -> None:
    idle(farm, redis, "--queue=slow", count=20)
    raw = json.dumps({"class": jobs.linger.job.name, "args": [str(trace), 0.1]})

    redis.rpush("resque:queue:slow", *[raw] * 40)

    soon(trace, 40)
    pids = Counter(lines(trace))
    assert len(pids) >= 10, pids


@pytest.mark.parametrize(
    ("patterns", "queue", "left_out"),
    [("*", "brand_new", None), ("mail*,!mail_low", "mail_high", "mail_low")],
)
def test_a_queue_that_is_new_is_worked_at_once(
    farm: Farm, redis: Redis, trace: Path, patterns: str, queue: str, left_out: str | None
) -> None:
    idle(farm, redis, f"--queue={patterns}")
    if left_out:
        push_as_ruby_does(redis, left_out, str(trace), "left out")
        quiet(redis)

    push_as_ruby_does(redis, queue, str(trace), "new")

    soon(trace)
    enqueue_to(f"{queue}_2", jobs.note, str(trace), "newer")
    soon(trace, 2)
    assert lines(trace) == ["new", "newer"]
    assert redis.llen(f"resque:queue:{left_out}") == (1 if left_out else 0)


def test_queues_are_worked_in_the_order_that_ruby_gives_patterns(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    for queue in ("zeta", "mail_low", "mail_b", "alpha", "critical", "mail_a", ".hidden"):
        push_as_ruby_does(redis, queue, str(trace), queue)

    work = farm("resque_work", "--burst", "--queue=critical,mail*", "--queue=!mail_low,*")

    assert work.ends() == 0, work.output
    assert lines(trace) == ["critical", "mail_a", "mail_b", "alpha", "zeta"]
    assert redis.llen("resque:queue:mail_low") == redis.llen("resque:queue:.hidden") == 1


@pytest.mark.parametrize("what", ["default", "*"])
def test_the_end_of_a_pause_wakes(
    farm: Farm, store: Store, redis: Redis, trace: Path, what: str
) -> None:
    control.pause_queue(store, what, "a test")
    work = farm("resque_work", "--interval=60")
    wait_for(work.worker_pids, "the worker started")
    (pid,) = work.worker_pids()
    enqueue(jobs.note, str(trace))
    wait_for(lambda: "Waiting" in title(pid) or "Paused" in title(pid), "the worker waits")
    quiet(redis)
    assert lines(trace) == []

    control.resume_queue(store, what)

    soon(trace)


def test_orders_that_are_left_in_redis_are_obeyed_at_once_one_after_the_other(
    farm: Farm, store: Store, redis: Redis
) -> None:
    """From another machine no signal comes. The supervisor beats each 5 s only."""
    work = idle(farm, redis, count=2)
    orders = {name: about.birth for name, about in store.about().items() if about}
    (first, second) = orders

    store.order_stop({first: orders[first]})
    assert not control.gone(store, [first], SOON), "the first"
    quiet(redis)
    store.order_stop({second: orders[second]})
    assert not control.gone(store, [second], SOON), "the second"

    assert work.ends() == 0, work.output


# Silent when idle.


def test_whoever_is_idle_is_silent_whatever_its_count_and_its_queues(
    farm: Farm, redis: Redis, redis_url: str
) -> None:
    """Each in a database of its own, so that MONITOR tells whose command it is."""
    farms = [(1, 1), (20, 30)]
    for db, (count, queues) in enumerate(farms, 1):
        work = farm(
            "resque_work",
            f"--count={count}",
            f"--queue={','.join(f'q{each}' for each in range(queues))}",
            REDIS_URL=f"{redis_url}?db={db}",
        )
        wait_for(lambda: all_wait(work, count), "all workers wait")  # noqa: B023 -- called here
    quiet(redis)

    began = time.monotonic()
    counted = Counter(monitored(redis, 6.0))

    seconds = time.monotonic() - began
    assert all(0 < counted[db] <= seconds for db in range(1, len(farms) + 1)), counted
    awake = Counter(
        int(client["db"]) for client in redis.client_list() if int(client["idle"]) < seconds - 1
    )
    # Of all connections only the one by which the supervisor beats, and that by which it looks.
    assert all(awake[db] <= 2 for db in range(1, len(farms) + 1)), awake


def monitored(redis: Redis, seconds: float) -> Iterator[int]:
    """The database of each command that a client sends in this time."""
    until = time.monotonic() + seconds
    plain: Any = redis  # redis-py does not annotate what is rarely used.
    with plain.monitor() as monitor:
        while time.monotonic() < until:
            while monitor.connection.can_read(0.05):
                said = monitor.next_command()
                if said["client_type"] != "lua":
                    yield int(said["db"])


# The doorbell breaks.


def bells(redis: Redis) -> dict[str, str]:
    """Ids of the doorbell's connections: the eye that tracks, and the ear that it redirects to."""
    (eye,) = [client for client in redis.client_list() if "t" in client["flags"]]
    return {"eye": eye["id"], "ear": eye["redir"]}


@pytest.mark.parametrize("cut", [("eye",), ("ear",), ("eye", "ear")])
def test_a_doorbell_that_was_cut_off_rings_again(
    farm: Farm, redis: Redis, trace: Path, cut: tuple[str, ...]
) -> None:
    idle(farm, redis)
    before = bells(redis)

    for each in cut:
        redis.client_kill_filter(_id=before[each])
    wait_for(lambda: anew(redis, before), "another doorbell", SOON)
    quiet(redis)
    enqueue(jobs.note, str(trace))

    soon(trace)


def anew(redis: Redis, before: dict[str, str]) -> bool:
    trackers = [client["id"] for client in redis.client_list() if "t" in client["flags"]]
    return trackers != [] and before["eye"] not in trackers


@pytest.mark.parametrize("allowed", [("+client|setname",), ()])
def test_without_tracking_it_is_said_once_and_work_is_looked_for(
    farm: Farm, redis: Redis, redis_url: str, trace: Path, allowed: tuple[str, ...]
) -> None:
    commands = ["+@all", "-client", *allowed]
    redis.acl_setuser("deaf", enabled=True, nopass=True, keys="*", channels="*", commands=commands)
    try:
        path = redis_url.removeprefix("unix://")
        work = farm("resque_work", "--interval=60", REDIS_URL=f"unix://deaf:x@{path}")
        work.says("cannot wake idle workers")
        wait_for(lambda: all_wait(work, 1), "the worker waits")
        for number in (1, 2):
            enqueue(jobs.note, str(trace))
            soon(trace, number)
    finally:
        redis.acl_deluser("deaf")

    assert work.output.count("cannot wake idle workers") == 1


# The doorbell alone.


@pytest.fixture
def bell(store: Store) -> Iterator[Doorbell]:
    bell = Doorbell(conf.pool(conf.options()), store.keys)
    yield bell
    bell.close()


def look(bell: Doorbell, *queues: str, names: bool = False) -> tuple[int, float | None, list[str]]:
    seen = bell.look(queues or ("mail",), names=names)
    return seen.jobs, seen.due, sorted(seen.names)


@pytest.mark.parametrize(
    "write",
    [
        ("RPUSH", "resque:queue:mail", "x"),
        ("SADD", "resque:queues", "x"),
        ("HSET", "resque:workers:orders", "x", "y"),
        ("HSET", "resque:queues:paused", "x", "y"),
        ("SET", "resque:pause-all-workers", "true"),
        ("ZADD", "resque:delayed_queue_schedule", "1", "1"),
    ],
)
def test_it_rings_once_for_what_was_looked_at(
    bell: Doorbell, redis: Redis, write: tuple[str, ...]
) -> None:
    plain: Any = redis
    look(bell)
    assert bell.rung() == set()

    plain.execute_command(*write)

    assert wait_for(bell.rung, "a ring") == {write[1]}
    assert bell.rung() == set()
    assert bell.works


def test_it_does_not_ring_for_what_was_not_looked_at(bell: Doorbell, redis: Redis) -> None:
    look(bell, "mail", "images")

    redis.rpush("resque:queue:other", "x")
    redis.rpush("resque:queue:images", "x")

    assert wait_for(bell.rung, "a ring") == {"resque:queue:images"}


def test_a_flush_rings_for_everything(bell: Doorbell, redis: Redis) -> None:
    look(bell)

    redis.flushall()

    wait_for(lambda: bell.rung() is None, "a ring for everything")


def test_a_cut_connection_counts_as_a_ring_for_everything(bell: Doorbell, redis: Redis) -> None:
    look(bell)

    redis.client_kill_filter(_id=bells(redis)["ear"])

    wait_for(lambda: bell.rung() is None, "a ring for everything")
    assert look(bell) == (0, None, [])
    redis.rpush("resque:queue:mail", "x")
    assert wait_for(bell.rung, "a ring") == {"resque:queue:mail"}


def test_a_ring_that_is_on_its_way_is_no_miss(bell: Doorbell, redis: Redis) -> None:
    look(bell)
    redis.rpush("resque:queue:mail", "x")

    assert not bell.should_have_rung()

    assert wait_for(bell.rung, "a ring") == {"resque:queue:mail"}


def stop_tracking(bell: Doorbell) -> None:
    """As a proxy may lose it."""
    eye: Any = bell._eye
    eye.execute_command("CLIENT", "TRACKING", "OFF")


def test_a_doorbell_that_does_not_ring_is_made_anew_and_then_given_up(
    bell: Doorbell, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    look(bell)
    stop_tracking(bell)
    redis.rpush("resque:queue:mail", "x")

    works = []
    for _ in range(2):
        assert bell.should_have_rung()
        works.append(bell.works)
        assert look(bell) == (1, None, [])
        if bell.works:
            stop_tracking(bell)

    assert works == [True, False]
    assert [record.getMessage() for record in caplog.records] == [
        "redis cannot wake idle workers, looking each second "
        "reason=a push did not wake us; is there a proxy between us and redis?"
    ]
    assert look(bell) == (1, None, [])
    assert bell.rung() == set()
    assert not bell.should_have_rung()
    assert len(caplog.records) == 1


def test_a_ring_between_two_misses_makes_good_for_the_first(bell: Doorbell, redis: Redis) -> None:
    look(bell)
    stop_tracking(bell)
    assert bell.should_have_rung()
    look(bell)
    redis.rpush("resque:queue:mail", "x")
    wait_for(bell.rung, "a ring")

    look(bell)
    stop_tracking(bell)

    assert bell.should_have_rung()
    assert bell.works


# What a look answers.


def test_a_look_counts_the_jobs_of_its_queues(bell: Doorbell, redis: Redis) -> None:
    for queue, size in (("mail", 2), ("images", 3), ("other", 5)):
        redis.rpush(f"resque:queue:{queue}", *"x" * size)

    assert look(bell, "mail", "images", "nothing") == (5, None, [])


def test_a_look_at_very_many_queues_does_not_hold_redis(bell: Doorbell, redis: Redis) -> None:
    queues = [f"queue{number}" for number in range(2000)]
    redis.rpush("resque:queue:queue1999", "x")
    look(bell)
    redis.config_resetstat()

    assert look(bell, *queues)[0] == 1

    stats: dict[str, Any] = redis.info("commandstats")["cmdstat_evalsha"]
    assert stats["usec_per_call"] < 5000, stats
    redis.rpush("resque:queue:queue1000", "x")
    assert wait_for(bell.rung, "a ring") == {"resque:queue:queue1000"}


def test_a_look_does_not_count_what_is_paused(bell: Doorbell, store: Store, redis: Redis) -> None:
    redis.rpush("resque:queue:mail", "x", "x")
    redis.rpush("resque:queue:images", "x")

    store.pause("mail", "a test")

    assert look(bell, "mail", "images")[0] == 1
    assert look(bell, "mail")[0] == 0


@pytest.mark.parametrize(
    ("text", "jobs"), [("true", 0), ("TRUE", 0), ("True", 0), ("false", 1), ("", 1), ("1", 1)]
)
def test_a_look_counts_nothing_while_all_pause(
    bell: Doorbell, redis: Redis, text: str, jobs: int
) -> None:
    redis.rpush("resque:queue:mail", "x")

    redis.set("resque:pause-all-workers", text)

    assert look(bell)[0] == jobs


def test_a_look_passes_over_what_is_of_a_wrong_type(bell: Doorbell, redis: Redis) -> None:
    redis.rpush("resque:queue:images", "x")

    redis.set("resque:queue:mail", "no list")
    redis.set("resque:delayed_queue_schedule", "no sorted set")
    redis.set("resque:workers:orders", "no hash")

    assert look(bell, "mail", "images") == (1, None, [])


@pytest.mark.parametrize("seconds", [-100.0, 0.0, 100.0])
def test_a_look_tells_in_how_many_seconds_the_first_delayed_job_is_due(
    bell: Doorbell, redis: Redis, seconds: float
) -> None:
    now = int(time.time())
    for due in (now + int(seconds), now + 1000):
        redis.zadd("resque:delayed_queue_schedule", {str(due): due})

    _, due_in, _ = look(bell)

    assert due_in is not None
    assert seconds - 3 < due_in <= seconds


def test_a_look_tells_no_time_if_nothing_is_delayed(bell: Doorbell) -> None:
    assert look(bell)[1] is None


def test_a_look_names_all_queues_if_asked(bell: Doorbell, redis: Redis) -> None:
    redis.sadd("resque:queues", "mail", "a/b", "ü")

    assert look(bell, names=True)[2] == ["a/b", "mail", "ü"]
    assert look(bell)[2] == []


# A look and what comes of it.


def test_looks_slow_down_if_nobody_takes_what_they_find(
    hand: tuple[Upkeep, Crew], redis: Redis
) -> None:
    upkeep, crew = hand
    push_as_ruby_does(redis, "mail")
    before, until = scripts_run(redis), time.monotonic() + 1.5

    while time.monotonic() < until:
        upkeep.turn()
        crew.children[1].place.woken = 0  # It has looked, and found nothing.
        time.sleep(0.001)

    assert 5 < scripts_run(redis) - before < 40  # It would be 300.


def test_looks_slow_down_if_rings_mean_nothing(hand: tuple[Upkeep, Crew], redis: Redis) -> None:
    upkeep, crew = hand
    before, until = scripts_run(redis), time.monotonic() + 1.5

    while time.monotonic() < until:
        redis.set("resque:pause-all-workers", "false")
        upkeep.turn()
        crew.children[1].place.woken = 0  # It has looked, and found nothing.

    assert 5 < scripts_run(redis) - before < 40  # It would be 300.


def test_a_queue_that_was_gone_for_a_moment_is_told_of(
    hand: tuple[Upkeep, Crew], redis: Redis
) -> None:
    upkeep, crew = hand
    push_as_ruby_does(redis, "mail")
    upkeep.look()
    upkeep.look()
    names = crew.board.header.names

    redis.srem("resque:queues", "mail")  # Now a worker may ask.
    redis.sadd("resque:queues", "mail")

    def rung() -> bool:
        upkeep.listen()
        return upkeep.names_changed

    wait_for(rung, "it has rung")
    upkeep.look()

    assert crew.board.header.names > names
