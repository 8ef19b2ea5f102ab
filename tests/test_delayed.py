"""Delayed jobs: on resque-scheduler's keys, never early, moved once, and to be taken back."""

import json
import signal
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from redis import Redis
from redis.exceptions import ResponseError

from django_resque import (
    InvalidArguments,
    clock,
    conf,
    enqueue,
    enqueue_at,
    enqueue_in,
    job_status,
    listing,
    wire,
)
from django_resque.failure import Failure
from django_resque.items import Item
from django_resque.parcels import PUSHED_TTL, UNENDED_TTL, Parcel
from django_resque.store import Store
from django_resque.wire import Payload
from tests.conftest import Farm, names, wait_for
from tests.project import jobs

ID = "0123456789abcdef0123456789abcdef"
STATUS = f"resque:job:{ID}:status"


def parcel(due: int, job_id: str = ID, *, track: bool = True) -> Parcel:
    return Parcel("mail", Payload.new("X", [{"a": 1}], job_id, 1795218367.5), track, due)


def delayed(redis: Redis) -> dict[str, list[str]]:
    """Every delayed list by its due time."""
    found: dict[str, list[str]] = {}
    schedule: Any = redis.zrange("resque:delayed_queue_schedule", 0, -1, withscores=True)
    for member, score in schedule:
        due = member.decode()
        assert int(due) == score
        items: Any = redis.lrange(f"resque:delayed:{due}", 0, -1)
        found[due] = [item.decode() for item in items]
    return found


def queued(redis: Redis) -> list[str]:
    found: Any = redis.lrange("resque:queue:mail", 0, -1)
    return [raw.decode() for raw in found]


# The item, and the script that puts it there.


def test_an_untracked_item_is_rubys_byte_for_byte() -> None:
    item = Item.new("later", Payload.new("Recorder", [5], ID, 1.5), track=False)

    assert item.raw == '{"class":"Recorder","args":[5],"queue":"later"}'


def test_a_tracked_item_keeps_its_id_and_time() -> None:
    item = Item.new("later", Payload.new("Recorder", [5], ID, 1.5), track=True)

    assert item.raw == (
        f'{{"class":"Recorder","args":[5],"queue":"later","id":"{ID}","queue_time":1.5}}'
    )


def test_a_delayed_job_stands_where_every_scheduler_looks(store: Store, redis: Redis) -> None:
    due = int(time.time()) + 1000

    assert store.push([parcel(due, track=False)]) == 1

    item = '{"class":"X","args":[{"a":1}],"queue":"mail"}'
    assert delayed(redis) == {str(due): [item]}
    assert redis.smembers(f"resque:timestamps:{item}") == {f"delayed:{due}".encode()}
    assert redis.ttl(f"resque:job:{ID}:pushed") == PUSHED_TTL
    assert not redis.exists("resque:queues", STATUS)


def test_the_status_of_a_delayed_job_outlives_its_wait(store: Store, redis: Redis) -> None:
    due = int(time.time()) + 30 * 86400

    store.push([parcel(due)])

    assert '"status":1' in str(redis.get(STATUS))
    assert redis.ttl(STATUS) > 30 * 86400 + UNENDED_TTL - 60


@pytest.mark.parametrize("track", [True, False])
def test_a_delay_that_is_repeated_changes_nothing(store: Store, redis: Redis, track: bool) -> None:
    due = int(time.time()) + 1000
    store.push([parcel(due, track=track)])

    assert store.push([parcel(due, track=track)]) == 0

    assert len(delayed(redis)[str(due)]) == 1


# Promotion.


def test_what_is_due_moves_to_its_queue_as_it_would_have_been_pushed(
    store: Store, redis: Redis
) -> None:
    store.push([parcel(int(time.time()) - 5)])

    assert store.promote() == 1

    assert queued(redis) == [parcel(0).payload.raw]
    assert redis.smembers("resque:queues") == {b"mail"}
    assert names(redis.keys("*")) == [STATUS, "resque:queue:mail", "resque:queues"]
    assert 0 < redis.ttl(STATUS) <= UNENDED_TTL


def test_nothing_is_promoted_early(store: Store, redis: Redis) -> None:
    store.push([parcel(redis.time()[0] + 2)])

    assert store.promote() is None

    assert redis.llen("resque:queue:mail") == 0


def test_the_earliest_come_first_and_in_their_order(store: Store, redis: Redis) -> None:
    now = int(time.time())
    for number, due in enumerate([now - 1, now - 9, now - 9]):
        store.push([parcel(due, f"{number:032x}")])

    while store.promote() is not None:
        pass

    ids = [json.loads(raw)["id"] for raw in redis.lrange("resque:queue:mail", 0, -1)]
    assert [int(job_id, 16) for job_id in ids] == [1, 2, 0]


def test_many_of_one_second_are_moved_in_bounded_steps(store: Store, redis: Redis) -> None:
    due = int(time.time()) - 5
    store.push([parcel(due, f"{number:032x}", track=False) for number in range(1050)])
    redis.config_resetstat()

    steps = 0
    while store.promote() is not None:
        steps += 1

    assert redis.llen("resque:queue:mail") == 1050
    assert redis.keys("resque:delayed*") == []
    assert redis.keys("resque:timestamps*") == []
    assert steps == 11


FOREIGN = {
    "ruby": ('{"class":"R","args":[1,"two"],"queue":"mail"}', '{"class":"R","args":[1,"two"]}'),
    "node": ('{"class":"R","queue":"mail","args":[12345678901234567890]}',
             '{"class":"R","args":[12345678901234567890]}'),
    "php": ('{"class":"R","args":[{"a":[]}],"queue":"mail"}', '{"class":"R","args":[{"a":[]}]}'),
    "pyres": ('{"class": "R", "queue": "mail", "args": [1.0]}', '{"class":"R","args":[1.0]}'),
    "extra": ('{"class":"R","args":[],"queue":"mail","x":{"y":1}}',
              '{"class":"R","args":[],"x":{"y":1}}'),
}  # fmt: skip


@pytest.mark.parametrize("peer", FOREIGN)
def test_other_clients_items_are_promoted_unharmed(store: Store, redis: Redis, peer: str) -> None:
    item, expected = FOREIGN[peer]
    due = int(time.time()) - 5
    redis.rpush(f"resque:delayed:{due}", item)
    redis.zadd("resque:delayed_queue_schedule", {str(due): due})
    redis.sadd(f"resque:timestamps:{item}", f"delayed:{due}", "delayed:99")

    assert store.promote() == 1

    assert redis.lrange("resque:queue:mail", 0, -1) == [expected.encode()]
    assert redis.smembers(f"resque:timestamps:{item}") == {b"delayed:99"}


@pytest.mark.parametrize("item", [b"", b"poison", b"\xff", b'{"class":"X","args":[]}', b"[1]"])
def test_an_item_that_no_queue_can_take_is_a_failure(
    store: Store, redis: Redis, item: bytes
) -> None:
    due = int(time.time()) - 5
    redis.rpush(f"resque:delayed:{due}", item)
    redis.zadd("resque:delayed_queue_schedule", {str(due): due})

    assert store.promote() == 1

    (raw,) = redis.lrange("resque:failed", 0, -1)
    assert json.loads(raw)["exception"] == "InvalidPayload"
    assert not redis.exists("resque:delayed_queue_schedule", "resque:queues")


def test_a_due_time_without_a_list_is_forgotten(store: Store, redis: Redis) -> None:
    redis.zadd("resque:delayed_queue_schedule", {"17": 17})

    assert store.promote() == 0
    assert store.promote() is None


def read(redis: Redis, due: int) -> list[Item]:
    """What a promoter has read, which another may move before it."""
    return [Item.read(raw) for raw in delayed(redis)[str(due)]]


def moved(redis: Redis) -> list[int]:
    """The jobs in the queue, by the numbers that are their ids."""
    return [int(json.loads(raw)["id"], 16) for raw in queued(redis)]


def push_numbered(store: Store, due: int, count: int) -> None:
    store.push([parcel(due, f"{number:032x}") for number in range(count)])


def test_two_promoters_move_an_item_once(store: Store, redis: Redis) -> None:
    """The second has read what the first moved meanwhile; a lost reply looks the same."""
    due = int(time.time()) - 5
    push_numbered(store, due, 6)
    items = read(redis, due)

    assert store._promote(str(due), items[:4]) == 4
    assert store._promote(str(due), items[:4]) == 0
    assert store._promote(str(due), items) == 2

    assert moved(redis) == [0, 1, 2, 3, 4, 5]


def test_what_was_cancelled_meanwhile_is_passed_over(store: Store, redis: Redis) -> None:
    due = int(time.time()) - 5
    push_numbered(store, due, 4)
    items = read(redis, due)
    store.cancel_delayed(str(due), items[1])

    assert store._promote(str(due), items) == 3

    assert moved(redis) == [0, 2, 3]


def test_equal_items_are_all_moved(store: Store, redis: Redis) -> None:
    due = int(time.time()) - 5
    redis.rpush(f"resque:delayed:{due}", *['{"class":"R","args":[],"queue":"mail"}'] * 3)
    redis.zadd("resque:delayed_queue_schedule", {str(due): due})
    items = read(redis, due)

    assert store._promote(str(due), items[:2]) == 2
    assert store._promote(str(due), items) == 1

    assert queued(redis) == ['{"class":"R","args":[]}'] * 3


def test_a_promoter_that_comes_too_late_searches_no_long_list(store: Store, redis: Redis) -> None:
    """It would hold Redis for its whole length, and once for each item."""
    due = int(time.time()) - 5
    push_numbered(store, due, 300)
    late = read(redis, due)[:100]
    store.promote()
    redis.config_resetstat()

    store._promote(str(due), late)

    called: Any = redis.info("commandstats")
    assert "cmdstat_lrem" not in called
    assert redis.llen(f"resque:delayed:{due}") == 200


def test_several_promoters_at_once_move_each_once_and_all(store: Store, redis: Redis) -> None:
    due = int(time.time()) - 5
    push_numbered(store, due, 1000)

    def promote_all() -> None:
        other = conf.new_store(conf.options())
        while other.promote() is not None:
            pass

    promoters = [Thread(target=promote_all) for _ in range(3)]
    for promoter in promoters:
        promoter.start()
    for promoter in promoters:
        promoter.join()

    assert moved(redis) == list(range(1000))


# What no queue can take holds up nobody else.


def test_a_queue_of_another_type_makes_a_failure_that_can_be_retried(
    store: Store, redis: Redis
) -> None:
    store.push([parcel(int(time.time()) - 5)])
    redis.set("resque:queue:mail", "no list")

    assert store.promote() == 1

    (raw,) = names(redis.lrange("resque:failed", 0, -1))
    failure = Failure.decode(raw)
    assert failure.exception == "InvalidPayload"
    assert failure.error.startswith("What stands at the key 'resque:queue:mail' is no list")
    assert failure.queue == "mail"
    assert job_status(ID).status == "failed"
    assert delayed(redis) == {}
    redis.delete("resque:queue:mail")
    assert store.requeue(failure)
    assert queued(redis) == [parcel(0).payload.raw]
    assert job_status(ID).status == "waiting"


def test_a_queue_of_another_type_holds_up_no_others(store: Store, redis: Redis) -> None:
    due = int(time.time()) - 5
    before, after = "1" * 32, "2" * 32
    bad = Parcel("bad", Payload.new("X", [], ID, 1.5), due=due)
    store.push([parcel(due, before), bad, parcel(due, after), parcel(due + 1, "3" * 32)])
    redis.hset("resque:queue:bad", "no", "list")

    assert (store.promote(), store.promote(), store.promote()) == (3, 1, None)

    assert [f"{number:032x}" for number in moved(redis)] == [before, after, "3" * 32]
    assert redis.llen("resque:failed") == 1
    assert redis.type("resque:queue:bad") == b"hash"


def test_without_a_failed_list_what_no_queue_takes_stays(store: Store, redis: Redis) -> None:
    store.push([parcel(int(time.time()) - 5)])
    redis.mset({"resque:queue:mail": "no list", "resque:failed": "nor this"})

    with pytest.raises(ResponseError, match="WRONGTYPE"):
        store.promote()

    assert [len(items) for items in delayed(redis).values()] == [1]
    assert job_status(ID).status == "waiting"


def test_a_delayed_list_of_another_type_holds_up_no_others(store: Store, redis: Redis) -> None:
    due = int(time.time()) - 5
    redis.set(f"resque:delayed:{due}", "no list")
    redis.zadd("resque:delayed_queue_schedule", {str(due): due})
    store.push([parcel(due + 1)])

    assert [store.promote(), store.promote(), store.promote()] == [0, 1, None]

    assert queued(redis) == [parcel(0).payload.raw]
    assert redis.get(f"resque:delayed:{due}") == b"no list"
    (failure,) = map(Failure.decode, names(redis.lrange("resque:failed", 0, -1)))
    assert f"at the key 'resque:delayed:{due}' is no list" in failure.error


@pytest.mark.parametrize("key", ["resque:delayed:4000000000", "resque:delayed_queue_schedule"])
def test_a_job_that_cannot_be_delayed_leaves_nothing(store: Store, redis: Redis, key: str) -> None:
    redis.set(key, "another type")

    with pytest.raises(ResponseError, match="WRONGTYPE"):
        store.push([parcel(4_000_000_001), parcel(4_000_000_000, "f" * 32)])

    assert redis.keys("*") == [key.encode()]


def test_a_turn_of_the_clock_promotes_a_bounded_number(store: Store, redis: Redis) -> None:
    due = int(time.time()) - 5
    count = clock.BATCHES * 100 + 1
    store.push([parcel(due, f"{number:032x}", track=False) for number in range(count)])

    assert clock.promote(store) is True
    assert clock.promote(store) is False

    assert redis.llen("resque:queue:mail") == count


# The calls.


def test_a_delay_is_seconds_or_a_timedelta_and_is_rounded_up(redis: Redis) -> None:
    before = time.time()
    enqueue_in(100.2, jobs.note, "path")
    jobs.note.enqueue_in(timedelta(minutes=5), "path")
    after = time.time()

    first, second = sorted(int(due) for due in delayed(redis))
    assert before + 100.2 <= first <= after + 101.2
    assert before + 300 <= second <= after + 301


def test_a_time_is_aware_and_rounded_up(redis: Redis) -> None:
    at = datetime(2100, 1, 1, 12, 0, 0, 1, tzinfo=UTC)

    handle = enqueue_at(at, jobs.note, "path", text="x")

    ((due, (item,)),) = delayed(redis).items()
    assert int(due) == int(at.timestamp()) + 1
    assert json.loads(item)["args"] == ["path", "x"]
    assert json.loads(item)["id"] == handle.id
    assert handle.status == "waiting"


def test_a_naive_time_is_refused_unless_the_site_is_naive(redis: Redis, settings: Settings) -> None:
    naive = datetime(2100, 1, 1, 12, 0)  # noqa: DTZ001 -- the mistake under test

    with pytest.raises(InvalidArguments, match=r"names no time zone, and USE_TZ is True"):
        enqueue_at(naive, jobs.note, "path")
    settings.USE_TZ = False
    enqueue_at(naive, jobs.note, "path")

    (due,) = delayed(redis)
    assert int(due) == timezone.make_aware(naive).timestamp()


@pytest.mark.parametrize("delay", [0, -5, timedelta(seconds=-1)])
def test_what_is_due_already_is_pushed_at_once(redis: Redis, delay: Any) -> None:
    enqueue_in(delay, jobs.note, "path")

    assert redis.llen("resque:queue:default") == 1


@pytest.mark.parametrize(
    ("delay", "message"),
    [("5", "A delay is a number of seconds or a timedelta, not '5'"),
     (True, "A delay is a number"), (float("nan"), "must be finite"),
     (float("inf"), "must be finite"), (1e16, "must be 30 years at most"),
     (timedelta.max, "must be 30 years at most")],
)  # fmt: skip
def test_a_wrong_delay_is_refused(delay: Any, message: str) -> None:
    with pytest.raises(InvalidArguments, match=message):
        enqueue_in(delay, jobs.note, "path")


def test_a_past_time_is_at_once(redis: Redis) -> None:
    enqueue_at(datetime(2000, 1, 1, tzinfo=UTC), jobs.note, "path")

    assert redis.llen("resque:queue:default") == 1


# Taking back.


def test_a_waiting_job_can_be_cancelled_once(redis: Redis) -> None:
    other = enqueue(jobs.note, "path")
    handle = enqueue(jobs.note, "path")

    assert job_status(handle.id).cancel() is True
    assert handle.cancel() is False

    (left,) = redis.lrange("resque:queue:default", 0, -1)
    assert json.loads(left)["id"] == other.id
    assert handle.status is None


def test_a_delayed_job_can_be_cancelled_and_leaves_only_the_memory_of_its_push(
    redis: Redis,
) -> None:
    handle = enqueue_in(100, jobs.note, "path")

    assert handle.cancel() is True
    assert handle.cancel() is False

    assert names(redis.keys("*")) == [f"resque:job:{handle.id}:pushed"]
    assert 0 < redis.ttl(f"resque:job:{handle.id}:pushed") <= PUSHED_TTL


@pytest.mark.parametrize("due", [None, 4102444800])
@pytest.mark.parametrize("track", [True, False])
def test_a_push_that_is_repeated_after_its_job_was_cancelled_does_not_bring_it_back(
    redis: Redis, store: Store, due: int | None, track: bool
) -> None:
    """Its reply was lost; meanwhile somebody saw the job and took it back."""
    parcel = Parcel("mail", Payload.new("X", [], ID, 1.0), track, due)
    store.push([parcel])
    where = f"resque:delayed:{due}" if due else "resque:queue:mail"
    (item,) = names(redis.lrange(where, 0, -1))
    cancelled = (
        store.cancel_delayed(str(due), Item.read(item)) if due else store.cancel("mail", item, ID)
    )

    store.push([parcel])

    assert cancelled
    assert redis.keys("resque:queue:*") == redis.keys("resque:delayed*") == []


def test_an_unknown_job_cannot_be_cancelled() -> None:
    enqueue(jobs.note, ID)  # Its id stands in the arguments of another.
    enqueue_in(100, jobs.note, ID)

    assert job_status(ID).cancel() is False


@pytest.mark.parametrize("number", [0, 1, 1250, 2498, 2499])
@pytest.mark.parametrize("due", [None, 4_000_000_000])
def test_a_job_is_found_and_cancelled_among_many(
    store: Store, redis: Redis, due: int | None, number: int
) -> None:
    each = [Payload.new("X", [], f"{number:032x}", 1.5) for number in range(2500)]
    store.push([Parcel("mail", payload, due=due) for payload in each])
    key = f"resque:delayed:{due}" if due else "resque:queue:mail"

    assert job_status(f"{number:032x}").cancel() is True

    ids = [int(json.loads(raw)["id"], 16) for raw in redis.lrange(key, 0, -1)]
    assert ids == [other for other in range(2500) if other != number]


def test_a_job_is_found_and_cancelled_among_many_due_times(store: Store, redis: Redis) -> None:
    store.push([parcel(4_000_000_000 + number, f"{number:032x}") for number in range(1500)])

    assert job_status(f"{749:032x}").cancel() is True

    assert redis.zcard("resque:delayed_queue_schedule") == 1499
    assert redis.zscore("resque:delayed_queue_schedule", "4000000749") is None


def test_keys_of_another_type_do_not_keep_a_job_from_being_cancelled(
    store: Store, redis: Redis
) -> None:
    redis.sadd("resque:queues", "broken")
    redis.zadd("resque:delayed_queue_schedule", {"17": 17})
    redis.mset({"resque:queue:broken": "no list", "resque:delayed:17": "no list"})
    waiting = enqueue(jobs.note, "path")
    late = enqueue_in(100, jobs.note, "path")

    assert late.cancel() is True
    assert waiting.cancel() is True


def test_a_job_is_met_however_its_queue_moves_meanwhile(store: Store, redis: Redis) -> None:
    """Workers take at the front, jobs are added at the end, and others are cancelled."""
    store.push([Parcel("mail", Payload.new("X", [], f"{at:032x}", 1.5)) for at in range(3000)])
    found = listing.waiting(store, "mail")
    first = [next(found) for _ in range(listing.WINDOW)]

    redis.lpop("resque:queue:mail", 500)
    redis.rpush("resque:queue:mail", *["{}"] * 3)
    for raw in first[:8]:
        store.cancel("mail", raw, Payload.read(raw).id)

    met = {Payload.read(raw).id for raw in [*first, *found]}
    assert met >= {f"{at:032x}" for at in range(500, 3000)}


def test_a_job_is_looked_for_where_it_is_promoted_to_after_where_it_was(redis: Redis) -> None:
    with redis.monitor() as monitor:  # type: ignore[no-untyped-call] # redis-py has no types here
        assert job_status(ID).cancel() is False
        redis.echo("end")
        commands = list(iter(lambda: monitor.next_command()["command"], "ECHO end"))

    delayed_first = commands.index("ZSCAN resque:delayed_queue_schedule 0 COUNT 1000")
    assert delayed_first < commands.index("SMEMBERS resque:queues")


# The whole way.


@pytest.mark.django_db(transaction=True)
def test_a_supervisor_promotes_and_its_workers_perform(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    handle = enqueue_in(1.5, jobs.note, str(trace), text="late")
    due = max(int(each) for each in delayed(redis))
    work = farm("resque_work", "--interval=0.1")
    wait_for(lambda: redis.smembers("resque:workers"), "the worker registered")
    assert not trace.exists()

    wait_for(trace.exists, "the job is performed")

    assert due <= time.time()
    wait_for(lambda: handle.status == "complete", "it is settled")
    assert handle.result == "late"
    work.send(signal.SIGTERM)
    assert work.ends() == 0, work.output
    assert wire.COMPLETE == 4


@pytest.mark.django_db(transaction=True)
def test_any_supervisor_promotes_for_queues_that_its_workers_do_not_work(
    farm: Farm, store: Store, redis: Redis
) -> None:
    farm("resque_work", "--queue=other", "--interval=60")
    wait_for(lambda: redis.smembers("resque:workers"), "the worker registered")
    first = redis.time()[0] + 2
    store.push([parcel(first, f"{0:032x}"), parcel(first + 3, f"{1:032x}")])

    for number, due in enumerate((first, first + 3)):
        promoted = partial(redis.lrange, "resque:queue:mail", number, number)
        wait_for(promoted, f"job {number} is promoted")
        seconds, microseconds = redis.time()
        assert due <= seconds
        # A second, and as much as a crowded machine may need; --interval would be far later.
        assert seconds + microseconds / 1e6 < due + 1 + 5

    assert moved(redis) == [0, 1]


@pytest.mark.django_db(transaction=True)
def test_a_supervisor_killed_while_it_promotes_loses_and_doubles_nothing(
    farm: Farm, store: Store, redis: Redis
) -> None:
    killed, other = (farm("resque_work", "--queue=other") for _ in range(2))
    wait_for(lambda: redis.scard("resque:workers") == 2, "the workers registered")
    push_numbered(store, redis.time()[0] + 1, 10_000)

    wait_for(lambda: redis.llen("resque:queue:mail"), "the first are promoted")
    killed.send(signal.SIGKILL)

    wait_for(lambda: not redis.exists("resque:delayed_queue_schedule"), "all are promoted")
    assert moved(redis) == list(range(10_000))
    assert other.process.poll() is None


@pytest.mark.parametrize("step", ["cancel_delayed", "hasten"])
def test_what_was_done_is_answered_although_its_due_time_cannot_be_forgotten(
    store: Store, redis: Redis, step: str
) -> None:
    due = int(time.time()) + 100
    store.push([parcel(due)])
    (item,) = read(redis, due)
    redis.set("resque:delayed_queue_schedule", "no set of times")

    answer = getattr(store, step)(str(due), item)

    assert answer in (True, "done")
    assert not redis.exists(f"resque:delayed:{due}")
