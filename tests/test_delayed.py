"""Delayed jobs: on resque-scheduler's keys, never early, moved once, and to be taken back."""

import json
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from redis import Redis

from django_resque import InvalidArguments, clock, enqueue, enqueue_at, enqueue_in, job_status, wire
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


def test_two_promoters_move_an_item_once(store: Store, redis: Redis) -> None:
    """The second has read what the first moved meanwhile; a lost reply looks the same."""
    due = str(int(time.time()) - 5)
    store.push([parcel(int(due))])
    item = Item.read(delayed(redis)[due][0])
    words: list[str | int] = [due, f"delayed:{due}", 1, 1, item.raw, item.payload.raw, "mail"]
    keys = [
        f"resque:delayed:{due}", "resque:delayed_queue_schedule", "resque:queues",
        f"resque:timestamps:{item.raw}", "resque:queue:mail", STATUS,
    ]  # fmt: skip

    assert store._run("promote", keys, words) == 1
    assert store._run("promote", keys, words) == 0

    assert redis.llen("resque:queue:mail") == 1


def test_a_queue_of_another_type_keeps_the_item(store: Store, redis: Redis) -> None:
    store.push([parcel(int(time.time()) - 5)])
    redis.set("resque:queue:mail", "no list")

    with pytest.raises(Exception, match="WRONGTYPE"):
        store.promote()

    assert len(delayed(redis)) == 1


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
     (float("inf"), "must be finite")],
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


def test_a_delayed_job_can_be_cancelled_and_leaves_nothing(redis: Redis) -> None:
    handle = enqueue_in(100, jobs.note, "path")

    assert handle.cancel() is True
    assert handle.cancel() is False

    assert redis.keys("*") == []


def test_an_unknown_job_cannot_be_cancelled() -> None:
    enqueue(jobs.note, ID)  # Its id stands in the arguments of another.

    assert job_status(ID).cancel() is False


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
