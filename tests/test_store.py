"""The scripts, through the store: each step is atomic, happens once, and may be repeated."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from django_resque import wire
from django_resque.about import About
from django_resque.failure import Failure
from django_resque.outcome import Outcome
from django_resque.parcels import PUSHED_TTL, UNENDED_TTL, Parcel
from django_resque.store import Store, Take
from django_resque.wire import Payload, Reservation
from tests.conftest import names

WORKER = "host:7:high,low"
RECORD = f"resque:worker:{WORKER}"
ABOUT = About("machine", 7, "1", 6, "0", "0.1.0")
ID = "0123456789abcdef0123456789abcdef"
STATUS = f"resque:job:{ID}:status"
ODD = '{"class": "Odd", "args": [[], 12345678901234567890, "é\\/\\u00e9"]}'


def payload(job: str = "X", job_id: str = ID) -> Payload:
    return Payload.new(job, [1], job_id, 1795218367.5)


def take(*queues: str, worker_id: str = WORKER) -> Take:
    return Take.new(worker_id, queues or ("high", "low"))


@pytest.fixture
def worker(store: Store) -> str:
    """A registered worker."""
    assert store.register(WORKER, ABOUT) is None
    return WORKER


def reserved(store: Store, wanted: Take | None = None) -> Reservation:
    found = store.reserve(wanted or take())
    assert isinstance(found, Reservation)
    return found


def failure(held: Reservation, text: str = "boom") -> Failure:
    return Failure.of(ValueError(text), held, 1795218688.0)


def text(redis: Redis, key: str) -> str:
    value = redis.get(key)
    return value.decode() if isinstance(value, bytes) else str(value)


# push


def test_a_push_makes_the_queue_known_and_the_job_waiting(store: Store, redis: Redis) -> None:
    assert store.push([Parcel("low", payload())]) == 1

    assert redis.smembers("resque:queues") == {b"low"}
    assert redis.lrange("resque:queue:low", 0, -1) == [payload().raw.encode()]
    status = json.loads(text(redis, STATUS))
    assert list(status) == ["status", "updated", "started", "result"]
    assert status["status"] == 1
    assert redis.ttl(STATUS) == UNENDED_TTL


@pytest.mark.parametrize("track", [True, False])
def test_a_push_that_is_repeated_changes_nothing(store: Store, redis: Redis, track: bool) -> None:
    store.push([Parcel("low", payload(), track)])

    assert store.push([Parcel("low", payload(), track)]) == 0

    assert redis.llen("resque:queue:low") == 1


def test_a_push_is_recognised_even_after_the_job_was_taken(store: Store, worker: str) -> None:
    store.push([Parcel("low", payload())])
    reserved(store)

    assert store.push([Parcel("low", payload())]) == 0


def test_an_untracked_push_has_no_status_and_is_remembered_for_a_while(
    store: Store, redis: Redis
) -> None:
    store.push([Parcel("low", payload(), False)])

    assert not redis.exists(STATUS)
    assert redis.ttl(f"resque:job:{ID}:pushed") == PUSHED_TTL


# reserve


def test_a_reserved_job_is_the_workers_record(store: Store, redis: Redis, worker: str) -> None:
    store.push([Parcel("low", payload())])

    held = reserved(store)

    assert redis.llen("resque:queue:low") == 0
    assert text(redis, RECORD) == f"{held.head}{held.payload.raw}}}"
    record = json.loads(text(redis, RECORD))
    assert list(record) == ["queue", "run_at", "worker", "token", "payload"]
    assert record["queue"] == "low"
    assert record["worker"] == "host:7"
    assert record["payload"]["id"] == ID


def test_the_first_queue_comes_first(store: Store, worker: str) -> None:
    store.push([Parcel("low", payload("Low", "a" * 32))])
    store.push([Parcel("high", payload("High", "b" * 32))])

    assert reserved(store).payload.job == "High"


def test_the_oldest_job_comes_first(store: Store, worker: str) -> None:
    store.push([Parcel("low", payload("First", "a" * 32))])
    store.push([Parcel("low", payload("Second", "b" * 32))])

    assert reserved(store).payload.job == "First"


def test_nothing_is_reserved_from_empty_queues(store: Store, redis: Redis, worker: str) -> None:
    assert store.reserve(take()) == "idle"

    assert not redis.exists(RECORD)


def test_a_repeated_take_hands_out_the_same_job(store: Store, redis: Redis, worker: str) -> None:
    store.push([Parcel("low", payload("First", "a" * 32))])
    store.push([Parcel("low", payload("Second", "b" * 32))])
    wanted = take()
    held = reserved(store, wanted)

    again = reserved(store, wanted)

    assert again == held
    assert redis.llen("resque:queue:low") == 1


def test_another_take_is_not_handed_the_job_in_hand(store: Store, worker: str) -> None:
    store.push([Parcel("low", payload())])
    reserved(store)

    assert store.reserve(take()) == "held"


def test_a_worker_without_a_lease_gets_no_job(store: Store, redis: Redis) -> None:
    store.push([Parcel("low", payload())])

    assert store.reserve(take()) == "unregistered"

    assert redis.llen("resque:queue:low") == 1


@pytest.mark.parametrize(
    "raw",
    [
        ODD,
        "",
        "[1]",
        '"text"',
        "\x00\x1f\\\"'\x7f",
        "\\/\\u00e9/",
        "{bad}",
        "\udcff\udc80",
        "a" * 5000,
        "{}",
    ],
)
def test_any_bytes_come_out_as_they_went_in(
    store: Store, redis: Redis, worker: str, raw: str
) -> None:
    data = raw.encode("utf-8", "surrogateescape")
    redis.rpush("resque:queue:low", data)
    wanted = take()

    held = reserved(store, wanted)

    assert held.payload.raw == raw
    assert reserved(store, wanted).payload.raw == raw
    assert store.in_hand(WORKER) == held
    assert store.put_back(held) is True
    assert redis.lrange("resque:queue:low", 0, -1) == [data]


@pytest.mark.parametrize("raw", ["", "[1]", '"text"', '\x00\\"', "null"])
def test_poison_stands_in_the_record_as_a_json_string(
    store: Store, redis: Redis, worker: str, raw: str
) -> None:
    redis.rpush("resque:queue:low", raw)

    reserved(store)

    assert json.loads(text(redis, RECORD))["payload"] == raw


@pytest.mark.parametrize(
    ("tail", "key"),
    [
        (f'"id":"{ID}","prefix":"","queue_time":1795217895.618012', STATUS),
        (f'"id":"{ID}","prefix":"","queue_time":1795217895', STATUS),
        (f'"id":"{ID}","prefix":"shop","queue_time":1.5', f"resque:job:shop_{ID}:status"),
        (f'"id":"{ID}","queue_time":1795217955.360975', STATUS),
        (f'"id":"{ID}"', STATUS),
    ],
)
def test_a_tracked_job_of_any_php_is_marked_running(
    store: Store, redis: Redis, worker: str, tail: str, key: str
) -> None:
    redis.set(key, '{"status":1,"updated":1795217899,"started":1795217899,"result":null}')
    redis.rpush("resque:queue:low", f'{{"class":"X","args":[null],{tail}}}')

    reserved(store)

    status = json.loads(text(redis, key))
    assert status["status"] == wire.RUNNING
    assert status["started"] == 1795217899
    assert status["updated"] > status["started"]
    assert redis.ttl(key) == UNENDED_TTL


@pytest.mark.parametrize(
    "raw",
    [
        f'{{"class":"X","args":["\\"id\\":\\"{ID}\\"}}"]}}',
        f'{{"class":"X","args":[{{"id":"{ID}"}}]}}',
        f'{{"class":"X","args":{{"id":"{ID}"}}}}',
        f'{{"class":"X","args":[],"meta":{{"id":"{ID}","queue_time":1}}}}',
    ],
)
def test_an_id_inside_the_arguments_marks_nothing(
    store: Store, redis: Redis, worker: str, raw: str
) -> None:
    before = '{"status":1,"updated":1,"started":1,"result":null}'
    redis.set(STATUS, before)
    redis.rpush("resque:queue:low", raw)

    reserved(store)

    assert text(redis, STATUS) == before


def test_a_worker_never_begins_to_track(store: Store, redis: Redis, worker: str) -> None:
    redis.rpush("resque:queue:low", payload().raw)

    held = reserved(store)
    store.settle(held, Outcome())

    assert not redis.exists(STATUS)


def test_a_status_of_another_type_does_not_lose_the_job(
    store: Store, redis: Redis, worker: str
) -> None:
    redis.rpush("resque:queue:low", payload().raw)
    redis.rpush(STATUS, "a list")

    held = reserved(store)

    assert store.settle(held, Outcome())[0] is True
    assert text(redis, "resque:stat:processed") == "1"


# settle


def test_a_job_that_is_done_is_counted_and_complete(
    store: Store, redis: Redis, worker: str
) -> None:
    store.push([Parcel("low", payload())])
    held = reserved(store)

    settled, found = store.settle(held, Outcome(result='{"a":[]}'))

    assert (settled, found) == (True, "idle")
    assert not redis.exists(RECORD)
    assert text(redis, "resque:stat:processed") == "1"
    assert text(redis, f"resque:stat:processed:{WORKER}") == "1"
    assert not redis.exists("resque:stat:failed", "resque:failed")
    assert '"status":4' in text(redis, STATUS)
    assert '"result":{"a":[]}' in text(redis, STATUS)
    assert redis.ttl(STATUS) == 86400


def test_a_job_that_failed_leaves_a_failure(store: Store, redis: Redis, worker: str) -> None:
    store.push([Parcel("low", payload())])
    held = reserved(store)

    settled, _ = store.settle(held, Outcome(failure(held)))

    assert settled is True
    (raw,) = redis.lrange("resque:failed", 0, -1)
    assert json.loads(raw)["error"] == "boom"
    assert text(redis, "resque:stat:processed") == "1"
    assert text(redis, "resque:stat:failed") == "1"
    assert text(redis, f"resque:stat:failed:{WORKER}") == "1"
    assert '"status":3' in text(redis, STATUS)
    assert redis.ttl(STATUS) == 86400


def test_settling_takes_the_next_job_in_the_same_step(store: Store, worker: str) -> None:
    store.push([Parcel("low", payload("First", "a" * 32))])
    store.push([Parcel("low", payload("Second", "b" * 32))])
    held = reserved(store)

    settled, found = store.settle(held, Outcome(), take())

    assert settled is True
    assert isinstance(found, Reservation)
    assert found.payload.job == "Second"
    assert store.in_hand(WORKER) == found


def test_a_settle_that_is_repeated_answers_the_same_and_counts_once(
    store: Store, redis: Redis, worker: str
) -> None:
    store.push([Parcel("low", payload("First", "a" * 32))])
    store.push([Parcel("low", payload("Second", "b" * 32))])
    store.push([Parcel("low", payload("Third", "c" * 32))])
    held, wanted = reserved(store), take()
    first = store.settle(held, Outcome(failure(held)), wanted)

    second = store.settle(held, Outcome(failure(held)), wanted)

    assert second == first
    assert redis.llen("resque:failed") == 1
    assert redis.llen("resque:queue:low") == 1
    assert text(redis, "resque:stat:processed") == "1"


def test_a_job_is_settled_once_however_many_try(store: Store, redis: Redis, worker: str) -> None:
    store.push([Parcel("low", payload())])
    held = reserved(store)
    store.give_up(WORKER, held, Outcome(failure(held, "given up")))

    settled, found = store.settle(held, Outcome(failure(held, "late")), take())

    assert (settled, found) == (False, "unregistered")
    assert [json.loads(raw)["error"] for raw in redis.lrange("resque:failed", 0, -1)] == [
        "given up"
    ]
    assert store.put_back(held) is False
    assert text(redis, "resque:stat:processed") == "1"


def test_an_earlier_reservation_of_the_worker_cannot_settle_a_later_one(
    store: Store, redis: Redis, worker: str
) -> None:
    store.push([Parcel("low", payload("First", "a" * 32))])
    store.push([Parcel("low", payload("Second", "b" * 32))])
    first = reserved(store)
    store.give_up(WORKER, first, Outcome(failure(first)))
    store.register(WORKER, ABOUT)
    second = reserved(store)

    assert store.settle(first, Outcome())[0] is False

    assert store.in_hand(WORKER) == second


def test_a_failed_list_of_another_type_loses_no_job(
    store: Store, redis: Redis, worker: str
) -> None:
    store.push([Parcel("low", payload())])
    held = reserved(store)
    redis.set("resque:failed", "no list")

    with pytest.raises(ResponseError, match="WRONGTYPE"):
        store.settle(held, Outcome(failure(held)))

    assert store.in_hand(WORKER) == held


# put back


def test_a_job_goes_back_to_the_front_and_waits_again(
    store: Store, redis: Redis, worker: str
) -> None:
    store.push([Parcel("low", payload("First", "a" * 32))])
    store.push([Parcel("low", payload("Second", "b" * 32))])
    held = reserved(store)

    assert store.put_back(held) is True

    assert redis.lindex("resque:queue:low", 0) == held.payload.raw.encode()
    assert not redis.exists(RECORD)
    assert not redis.exists("resque:stat:processed")
    assert '"status":1' in text(redis, f"resque:job:{'a' * 32}:status")


def test_a_put_back_that_is_repeated_changes_nothing(
    store: Store, redis: Redis, worker: str
) -> None:
    store.push([Parcel("low", payload())])
    held = reserved(store)
    store.put_back(held)

    assert store.put_back(held) is True

    assert redis.llen("resque:queue:low") == 1


def test_a_job_that_was_settled_cannot_be_put_back(store: Store, redis: Redis, worker: str) -> None:
    store.push([Parcel("low", payload())])
    store.push([Parcel("low", payload("Second", "b" * 32))])
    held = reserved(store)
    store.settle(held, Outcome(), take())

    store.put_back(held)

    assert redis.llen("resque:queue:low") == 0


def test_a_queue_of_another_type_loses_no_job(store: Store, redis: Redis, worker: str) -> None:
    store.push([Parcel("low", payload())])
    held = reserved(store)
    redis.set("resque:queue:low", "no list")

    with pytest.raises(ResponseError, match="WRONGTYPE"):
        store.put_back(held)

    assert store.in_hand(WORKER) == held


# register, beat


def test_a_registered_worker_is_visible_to_every_client(store: Store, redis: Redis) -> None:
    assert store.register(WORKER, ABOUT) is None

    assert redis.smembers("resque:workers") == {WORKER.encode()}
    assert text(redis, f"{RECORD}:started").endswith(" +0000")
    assert store.leases().keys() == {WORKER}
    assert store.about() == {WORKER: ABOUT}


def test_the_heartbeat_is_the_servers_clock_as_ruby_writes_it(store: Store, redis: Redis) -> None:
    from datetime import UTC, datetime

    before = redis.time()[0]
    store.register(WORKER, ABOUT)

    beat = redis.hget("resque:workers:heartbeat", WORKER)
    assert beat is not None
    at = datetime.strptime(names([beat])[0], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    assert before <= at <= before + 2


@pytest.mark.parametrize(
    "seconds",
    [0, 951782399, 951782400, 1709164800, 1795218213, 4102444799, 4107542400],
)
def test_the_calendar_in_lua_agrees_with_pythons(redis: Redis, seconds: int) -> None:
    from datetime import UTC, datetime

    from django_resque.scripts import script

    function = script("register").text.partition("local time =")[0]
    found = redis.eval(f"{function}\nreturn iso({seconds})", 0)

    expected = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert found.decode() == expected


def test_a_job_of_an_earlier_life_is_answered_and_nothing_registered(
    store: Store, redis: Redis, worker: str
) -> None:
    store.push([Parcel("low", payload())])
    held = reserved(store)
    redis.delete("resque:workers", "resque:workers:lease")

    assert store.register(WORKER, ABOUT) == held

    assert not redis.exists("resque:workers")


def test_a_beat_changes_the_lease_and_brings_the_orders(
    store: Store, redis: Redis, worker: str
) -> None:
    redis.hset("resque:workers:lease", WORKER, "1")
    store.order_stop({WORKER: "a birth"})

    orders = store.beat({WORKER: ABOUT, "host:8:low": ABOUT})

    assert orders == {WORKER: "a birth stop"}
    assert int(store.leases()[WORKER]) > 1


def test_an_order_stands_beside_earlier_ones_for_the_same_process(
    store: Store, redis: Redis
) -> None:
    def ordered() -> Any:
        return redis.hget("resque:workers:orders", WORKER)

    store.order_kill(WORKER, "7", "token")
    store.order_stop({WORKER: "7"})
    store.order_stop({WORKER: "7"}, now=True)
    store.order_kill(WORKER, "7", "token")
    assert ordered() == b"7 kill:token stop now"

    store.order_stop({WORKER: "77"})
    assert ordered() == b"77 stop"
    redis.set("resque:workers:orders", "no hash")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        store.order_stop({WORKER: "7"})


def test_orders_reach_a_full_redis(store: Store, redis: Redis) -> None:
    redis.config_set("maxmemory", "1")
    try:
        store.order_kill(WORKER, "7", "token")
    finally:
        redis.config_set("maxmemory", "0")

    assert redis.hget("resque:workers:orders", WORKER) == b"7 kill:token"


def test_a_beat_restores_what_a_flush_took(store: Store, redis: Redis, worker: str) -> None:
    redis.flushall()

    store.beat({WORKER: ABOUT})

    assert redis.smembers("resque:workers") == {WORKER.encode()}
    assert store.leases().keys() == {WORKER}
    assert store.about() == {WORKER: ABOUT}
    assert redis.exists(f"{RECORD}:started")


def test_a_beat_keeps_the_time_of_the_start(store: Store, redis: Redis, worker: str) -> None:
    redis.set(f"{RECORD}:started", "2020-01-01 00:00:00 +0000")

    store.beat({WORKER: ABOUT})

    assert text(redis, f"{RECORD}:started") == "2020-01-01 00:00:00 +0000"


# give up


def test_a_worker_that_is_given_up_leaves_its_failure_and_no_key(
    store: Store, redis: Redis, worker: str
) -> None:
    store.push([Parcel("low", payload())])
    held = reserved(store)
    redis.incr(f"resque:stat:processed:{WORKER}")

    assert store.give_up(WORKER, held, Outcome(failure(held))) == "gone"

    assert names(redis.keys("*")) == [
        "resque:failed", STATUS, "resque:queues", "resque:stat:failed", "resque:stat:processed",
    ]  # fmt: skip
    assert '"status":3' in text(redis, STATUS)


def test_a_worker_whose_lease_moved_on_is_not_given_up(
    store: Store, redis: Redis, worker: str
) -> None:
    store.push([Parcel("low", payload())])
    held = reserved(store)

    assert store.give_up(WORKER, held, Outcome(failure(held)), lease="1") == "alive"

    assert store.in_hand(WORKER) == held
    assert not redis.exists("resque:failed")


def test_a_worker_whose_lease_stands_still_is_given_up(store: Store, worker: str) -> None:
    lease = store.leases()[WORKER]

    assert store.give_up(WORKER, None, None, lease=lease) == "gone"


def test_a_worker_that_holds_another_job_by_now_is_not_given_up(
    store: Store, redis: Redis, worker: str
) -> None:
    store.push([Parcel("low", payload("First", "a" * 32))])
    store.push([Parcel("low", payload("Second", "b" * 32))])
    first = reserved(store)
    _, second = store.settle(first, Outcome(), take())

    assert store.give_up(WORKER, first, Outcome(failure(first))) == "changed"
    assert store.give_up(WORKER, None, None) == "changed"

    assert store.in_hand(WORKER) == second
    assert not redis.exists("resque:failed")


@pytest.mark.parametrize("seen", [payload("First").raw, "{}", "no object"])
def test_a_job_that_was_taken_by_the_same_head_is_not_ended_for_another(
    store: Store, redis: Redis, worker: str, seen: str
) -> None:
    redis.rpush("resque:queue:low", seen)
    store.push([Parcel("low", payload("Second", "b" * 32))])
    same = take()
    first = store.reserve(same)
    assert isinstance(first, Reservation)
    redis.delete(f"resque:worker:{WORKER}")  # As a worker of Ruby prunes; our reply was lost.
    second = store.reserve(same)

    assert store.give_up(WORKER, first, Outcome(failure(first))) == "changed"
    assert store.put_back(first) is False

    assert store.in_hand(WORKER) == second
    assert not redis.exists("resque:failed")
    assert not redis.exists("resque:queue:low")


@pytest.mark.parametrize(
    "edited",
    [
        b'"abc\\ud800"', b'"abc\\udc80"', b'"\xc3\xa9 \\u00e9"', b'"a\0b"', b'"a"\0x', b'"a\x01b"',
        b'"\\u0061"', b'"', b'""', b'"\\"', b"", b"7", b'"\\ud83d\\ude00"', b'"a\\/\\u007f/\x7f"',
    ],
)  # fmt: skip
def test_a_record_that_somebody_has_written_into_is_given_up(
    store: Store, redis: Redis, worker: str, edited: bytes
) -> None:
    store.push([Parcel("low", payload())])
    head = reserved(store).head.encode()
    redis.set(f"resque:worker:{WORKER}", head + edited + b"}")
    seen = store.in_hand(WORKER)
    assert seen

    assert store.give_up(WORKER, seen, Outcome(failure(seen))) == "gone"

    assert redis.llen("resque:failed") == 1


def test_giving_up_twice_fails_the_job_once(store: Store, redis: Redis, worker: str) -> None:
    store.push([Parcel("low", payload())])
    held = reserved(store)
    store.give_up(WORKER, held, Outcome(failure(held)))

    assert store.give_up(WORKER, held, Outcome(failure(held))) == "changed"
    assert store.give_up(WORKER, None, None) == "gone"

    assert redis.llen("resque:failed") == 1


# requeue


@pytest.fixture
def failed(store: Store, worker: str) -> Failure:
    """A failure as it is read from the list."""
    store.push([Parcel("low", payload())])
    held = reserved(store)
    written = failure(held)
    store.settle(held, Outcome(written))
    return Failure.decode(written.encode())


def test_a_failed_job_returns_to_its_queue_byte_for_byte(
    store: Store, redis: Redis, failed: Failure
) -> None:
    assert store.requeue(failed) is True

    assert redis.lrange("resque:queue:low", 0, -1) == [payload().raw.encode()]
    assert not redis.exists("resque:failed")
    assert '"status":1' in text(redis, STATUS)


def test_a_failed_job_is_requeued_once(store: Store, redis: Redis, failed: Failure) -> None:
    store.requeue(failed)

    assert store.requeue(failed) is False

    assert redis.llen("resque:queue:low") == 1


def test_a_failure_of_another_client_that_is_no_text_is_requeued(
    store: Store, redis: Redis
) -> None:
    raw = b'{"payload":{"class":"X","args":["\xff"]},"queue":"low"}'
    redis.rpush("resque:failed", raw)
    found = Failure.decode(raw.decode("utf-8", "surrogateescape"))

    assert store.requeue(found) is True

    assert redis.lrange("resque:queue:low", 0, -1) == [b'{"class":"X","args":["\xff"]}']


def test_a_failure_stays_where_its_queue_is_no_list(
    store: Store, redis: Redis, failed: Failure
) -> None:
    redis.set("resque:queue:low", "no list")

    assert store.requeue(failed) is False

    assert redis.llen("resque:failed") == 1


# keys of another type; tests/test_scripts.py tries all of them


def test_several_jobs_are_pushed_all_or_none(store: Store, redis: Redis) -> None:
    redis.set("resque:queue:low", "no list")

    with pytest.raises(ResponseError, match="WRONGTYPE"):
        store.push([Parcel("high", payload()), Parcel("low", payload("Second", "b" * 32))])

    assert names(redis.keys("*")) == ["resque:queue:low"]


def test_a_worker_is_registered_whole_or_not_at_all(store: Store, redis: Redis) -> None:
    redis.set("resque:workers:about", "no hash")

    with pytest.raises(ResponseError, match="WRONGTYPE"):
        store.register(WORKER, ABOUT)

    assert names(redis.keys("*")) == ["resque:workers:about"]


@pytest.mark.parametrize("key", ["workers", "workers:heartbeat", "workers:about", "workers:orders"])
def test_the_living_beat_whatever_stands_at_the_keys_of_others(
    store: Store, redis: Redis, key: str
) -> None:
    redis.set(f"resque:{key}", "no set, no hash")

    store.beat({WORKER: ABOUT, "host:8:low": ABOUT})

    assert store.leases().keys() == {WORKER, "host:8:low"}


@pytest.mark.parametrize("key", ["workers", "workers:about", "workers:orders"])
def test_a_worker_is_given_up_whatever_stands_at_the_keys_of_others(
    store: Store, redis: Redis, worker: str, key: str
) -> None:
    store.push([Parcel("low", payload())])
    held = reserved(store)
    redis.delete(f"resque:{key}")
    redis.set(f"resque:{key}", "no set, no hash")

    assert store.give_up(WORKER, held, Outcome(failure(held))) == "gone"

    assert redis.llen("resque:failed") == 1
    assert not redis.hexists("resque:workers:lease", WORKER)


@pytest.mark.parametrize("key", ["workers:lease", "pause-all-workers", "queues:paused"])
def test_what_keeps_a_worker_from_taking_keeps_it_from_settling_by_halves(
    store: Store, redis: Redis, worker: str, key: str
) -> None:
    store.push([Parcel("low", payload())])
    held = reserved(store)
    redis.delete(f"resque:{key}")
    redis.rpush(f"resque:{key}", "no hash, no string")

    with pytest.raises(ResponseError, match="WRONGTYPE"):
        store.settle(held, Outcome(), take())

    assert store.in_hand(WORKER) == held
    assert not redis.exists("resque:stat:processed")


def test_what_stands_where_cleared_failures_were_is_left_alone(store: Store, redis: Redis) -> None:
    redis.set("resque:failed:cleared", "no list")

    with pytest.raises(ResponseError, match="WRONGTYPE"):
        store.restore_failures()

    assert redis.ttl("resque:failed:cleared") == -1


# a Redis in trouble


@pytest.fixture
def full(redis: Redis) -> Any:
    """Makes Redis full: it refuses what adds, and must still be drained."""
    before = str(redis.config_get("maxmemory")["maxmemory"])
    yield lambda: redis.config_set("maxmemory", 1)
    redis.config_set("maxmemory", before)


def test_a_full_redis_refuses_a_push_and_can_be_drained(
    store: Store, redis: Redis, worker: str, full: Callable[[], None]
) -> None:
    store.push([Parcel("low", payload("First", "a" * 32))])
    store.push([Parcel("low", payload("Second", "b" * 32))])
    full()

    with pytest.raises(ResponseError, match=r"OOM|maxmemory"):
        store.push([Parcel("low", payload("Third", "c" * 32))])
    held = reserved(store)
    settled, found = store.settle(held, Outcome(failure(held)), take())
    store.beat({WORKER: ABOUT})

    assert settled is True
    assert isinstance(found, Reservation)
    assert store.put_back(found) is True
    assert redis.llen("resque:failed") == 1
    assert store.requeue(Failure.decode(failure(held).encode())) is True
    assert store.give_up(WORKER, None, None) == "gone"


def test_a_flushed_script_cache_is_no_trouble(store: Store, redis: Redis, worker: str) -> None:
    redis.script_flush()

    assert store.push([Parcel("low", payload())]) == 1
    assert reserved(store).payload.id == ID
