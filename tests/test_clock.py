"""Giving up the silent: only after a lease that was watched from beginning to end."""

import json
import time
from collections.abc import Iterator

import pytest
from redis import Redis

from django_resque import clock, conf
from django_resque.about import About
from django_resque.clock import Watch
from django_resque.crew import Crew
from django_resque.doorbell import Doorbell
from django_resque.errors import DirtyExit
from django_resque.parcels import Parcel
from django_resque.roster import LEASE
from django_resque.store import Store, Take
from django_resque.upkeep import Upkeep
from django_resque.wire import Payload, Reservation

WORKER = "elsewhere:7:mail"
ABOUT = About("another machine", 7, "1", 6, "0", "0.1.0")


@pytest.fixture
def upkeep(store: Store) -> Iterator[Upkeep]:
    """What a supervisor without workers does in Redis."""
    options, crew = conf.options(), Crew(1, 1)
    bell = Doorbell(conf.pool(options), store.keys)
    yield Upkeep(store, options, ("mail",), crew, bell, clock.ALONE)
    bell.close()
    crew.close()


def busy(store: Store, worker_id: str = WORKER, about: About = ABOUT) -> Reservation:
    """A worker with a job in hand, whose supervisor does not beat any more."""
    store.register(worker_id, about)
    store.push([Parcel("mail", Payload.new("X", [], "a" * 32, 1.0))])
    held = store.reserve(Take.new(worker_id, ["mail"]))
    assert isinstance(held, Reservation)
    return held


def looked(watch: Watch, looks: list[tuple[str, float]]) -> list[bool]:
    """Whether the worker w is silent, as it is looked at with these leases at these instants."""
    return [watch.silent({"w": lease}, now) == {"w": lease} for lease, now in looks]


def test_a_lease_is_silent_after_it_stood_still_for_its_length() -> None:
    looks = [("1", 100.0), ("1", 105.0), ("1", 110.0), ("1", 100.0 + LEASE - 0.1)]

    assert looked(Watch(), [*looks, ("1", 100.0 + LEASE)]) == [False] * 4 + [True]


def test_a_beat_begins_the_watch_anew() -> None:
    looks = [("1", 100.0), ("1", 107.0), ("2", 114.0), ("2", 120.0), ("2", 125.0), ("2", 129.0)]

    assert looked(Watch(), looks) == [False] * 5 + [True]


def test_whoever_was_stopped_itself_has_seen_nothing() -> None:
    assert looked(Watch(), [("1", 100.0), ("1", 116.0), ("1", 126.0)]) == [False] * 3


def test_whoever_was_cut_off_has_seen_nothing() -> None:
    watch = Watch()
    watch.silent({"w": "1"}, 100.0)

    watch.forget()

    assert watch.silent({"w": "1"}, 200.0) == {}


def test_a_worker_that_came_back_after_it_was_gone_is_watched_anew() -> None:
    watch = Watch()
    watch.silent({"w": "1"}, 100.0)
    watch.silent({}, 105.0)

    assert watch.silent({"w": "1"}, 120.0) == {}


def watched(store: Store, watch: Watch | None = None) -> Watch:
    """A watch that has looked at these leases for longer than they last, until now."""
    watch, now = watch or Watch(), time.monotonic()
    for ago in range(20, 0, -5):
        watch.silent(store.leases(), now - ago)
    return watch


def test_the_job_of_a_silent_worker_becomes_a_dirty_exit(store: Store, redis: Redis) -> None:
    held = busy(store)
    lease = store.leases()[WORKER]

    clock.give_up(
        store, WORKER, DirtyExit("Its worker was silent while it performed the job."), lease
    )

    (raw,) = redis.lrange("resque:failed", 0, -1)
    failure = json.loads(raw)
    assert failure["exception"] == "DirtyExit"
    assert failure["error"] == "Its worker was silent while it performed the job."
    assert failure["payload"]["id"] == held.payload.id
    assert failure["worker"] == WORKER
    assert store.leases() == {}


def test_a_worker_that_beats_meanwhile_is_left_alone(store: Store, redis: Redis) -> None:
    held = busy(store)

    clock.give_up(store, WORKER, DirtyExit("Its worker was silent"), "an older lease")

    assert store.in_hand(WORKER) == held
    assert not redis.exists("resque:failed")


def test_a_watch_over_a_connection_that_was_replaced_has_seen_nothing(
    store: Store, redis: Redis, upkeep: Upkeep
) -> None:
    busy(store)
    store.register("here:8:mail", ABOUT)
    watched(store, upkeep.watch)

    redis.client_kill_filter(_type="normal", skipme=True)

    assert upkeep.ask(upkeep.beat)
    assert store.leases().keys() == {WORKER, "here:8:mail"}


def test_a_watch_over_one_connection_has_seen_the_silence(store: Store, upkeep: Upkeep) -> None:
    busy(store)
    watched(store, upkeep.watch)

    assert upkeep.ask(upkeep.beat)
    assert store.leases() == {}


def test_silent_workers_of_others_are_given_up_and_never_our_own(store: Store) -> None:
    busy(store)
    store.register("here:8:mail", ABOUT)
    watch = watched(store)

    clock.give_up_silent(store, watch, own=["here:8:mail"])

    assert store.leases().keys() == {"here:8:mail"}


def test_other_languages_workers_are_never_given_up(store: Store, redis: Redis) -> None:
    redis.sadd("resque:workers", "ruby:7:mail")
    redis.set("resque:worker:ruby:7:mail", '{"queue":"mail","run_at":"x","payload":{}}')
    watch = watched(store)

    clock.give_up_silent(store, watch, own=[])
    clock.give_up_orphans(store, "another machine", lambda pid, birth: True)

    assert redis.sismember("resque:workers", "ruby:7:mail")


def test_at_the_start_the_dead_of_this_machine_are_given_up(store: Store) -> None:
    busy(store)
    store.register("here:8:mail", About("this machine", 8, "1", 6, "0", "0.1.0"))
    store.register("here:9:mail", About("this machine", 9, "1", 6, "0", "0.1.0"))

    clock.give_up_orphans(store, "this machine", lambda pid, birth: pid == 8)

    assert store.leases().keys() == {WORKER, "here:9:mail"}
