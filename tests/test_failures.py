"""The failed list: searched, retried and removed by content, from Python and by command."""

import io
import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from redis import Redis
from redis.exceptions import ResponseError

from django_resque import control, job, search
from django_resque.failed import KEPT, Answer
from django_resque.failure import Failure
from django_resque.rows import Found
from django_resque.search import Filter, Window
from django_resque.store import Store
from tests import recorded
from tests.conftest import DEADLINE, ROOT, Farm

FAILED = "resque:failed"
CLEARED = "resque:failed:cleared"
NOW = datetime(2026, 11, 20, 23, 51, 28, tzinfo=UTC)

#: Longer than the two ends of the list together in which a failure is removed at once.
LONG = 20_300


@job(name="sign_in")
def sign_in(user: str, password: str, times: int) -> None:
    """Named like a secret is the second argument."""


def element(number: int = 0, **fields: Any) -> str:
    """A failure as it stands in the list."""
    payload = {"class": fields.pop("job", "shop.jobs.X"), "args": fields.pop("args", [number])}
    known = {
        "failed_at": "2026/11/20 23:51:28 UTC",
        "payload": {**payload, "id": f"{number:032x}"},
        "exception": "ValueError",
        "error": f"number {number}",
        "backtrace": ["shop/jobs.py:7"],
        "worker": "host:7:mail",
        "queue": "mail",
    }
    return json.dumps({**known, **fields})


def failed(redis: Redis, count: int) -> list[str]:
    """So many failures, the oldest first."""
    raws = [element(number) for number in range(count)]
    for at in range(0, count, 5000):
        redis.rpush(FAILED, *raws[at : at + 5000])
    return raws


def errors(rows: list[Any]) -> list[str]:
    return [row.failure.error for row in rows]


def run(*words: str) -> str:
    """What the command prints."""
    output = io.StringIO()
    call_command("resque_failures", *words, stdout=output)
    return output.getvalue()


def refused(*words: str) -> str:
    """The sentence it fails with."""
    with pytest.raises(CommandError) as caught:
        run(*words)
    assert caught.value.returncode == 1
    return str(caught.value)


# Searching


def test_failures_are_found_newest_first_with_their_place_and_address(
    store: Store, redis: Redis
) -> None:
    raws = failed(redis, 5)

    found = search.search(store, limit=2)

    assert errors(found.rows) == ["number 4", "number 3"]
    assert [row.position for row in found.rows] == [4, 3]
    assert found.rows[0].digest == search.digest(raws[4])
    assert (found.looked, found.total, found.more) == (2, 5, 3)


def test_an_empty_list_has_no_failures(store: Store) -> None:
    assert search.search(store) == Found([], 0, 0, None)


def test_what_cannot_be_read_is_found_and_empty_elements_are_passed_over(
    store: Store, redis: Redis
) -> None:
    redis.rpush(FAILED, b"\xff no JSON", "", "[]", "")

    found = search.search(store)

    assert [row.failure.exception for row in found.rows] == ["(unreadable)"] * 2
    assert (found.looked, found.total) == (4, 4)


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(queue="images"),
        Filter(job="shop.jobs.Resize"),
        Filter(job="jobs.Resize"),
        Filter(job="Resize"),
        Filter(exception="Shop::Timeout"),
        Filter(exception="Timeout"),
        Filter(since=NOW - timedelta(seconds=1)),
        Filter(text="CAFÉ"),
        Filter(text="four to five"),
        Filter("images", "Resize", "Timeout", NOW, "café"),
    ],
)
def test_a_filter_finds_what_fits_everything_it_says(
    store: Store, redis: Redis, wanted: Filter
) -> None:
    other = element(1, failed_at="2026/11/20 20:00:00 UTC")
    fits = element(
        2,
        queue="images",
        job="shop.jobs.Resize",
        exception="Shop::Timeout",
        error="no café\nleft",
        args=["from four to five"],
    )
    redis.rpush(FAILED, other, fits, other)

    assert [row.position for row in search.search(store, wanted).rows] == [1]


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(queue="mai"),
        Filter(job="s.X"),
        Filter(job="x"),
        Filter(exception="Error"),
        Filter(since=NOW + timedelta(seconds=1)),
        Filter(text="number 1"),
        Filter(queue="mail", exception="KeyError"),
    ],
)
def test_a_filter_finds_nothing_else(store: Store, redis: Redis, wanted: Filter) -> None:
    redis.rpush(FAILED, element(0), element(0, failed_at="tomorrow"))

    assert search.search(store, wanted).rows == []


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (r'"payload":{"class":"App\\Job\\Send"},"queue":"mail"', Filter(job="Send")),
        (r'"payload":{"class":"App\\Job\\Send"},"queue":"mail"', Filter(job=r"Job\Send")),
        (r'"payload":{"class":"X"},"queue":"m\u0061il"', Filter(queue="mail")),
        (r'"payload":{"class":"X"},"queue":"caf\u00e9"', Filter(queue="café")),
        (r'"payload":{"class":"X"},"queue":"a\/b"', Filter(queue="a/b")),
    ],
)
def test_a_name_is_found_however_json_spells_it(
    store: Store, redis: Redis, names: str, wanted: Filter
) -> None:
    redis.rpush(FAILED, f"{{{names}}}")

    assert len(search.search(store, wanted).rows) == 1


@pytest.mark.parametrize(
    "peer", [peer for peer, found in recorded.records().items() if found.get("failed")]
)
def test_failures_of_every_language_are_found_by_their_date(
    store: Store, redis: Redis, peer: str
) -> None:
    records = recorded.records()[peer]["failed"]
    redis.rpush(FAILED, *(raw if isinstance(raw, str) else json.dumps(raw) for raw in records))

    since = search.search(store, Filter(since=datetime(2026, 11, 20, 22, tzinfo=UTC)))
    later = search.search(store, Filter(since=datetime(2026, 11, 21, 12, tzinfo=UTC)))

    assert len(since.rows) == len(records)
    assert later.rows == []


def test_a_search_by_time_does_not_walk_through_what_is_older(store: Store, redis: Redis) -> None:
    old = element(0, failed_at="2026/11/01 00:00:00 UTC")
    redis.rpush(FAILED, *[element(number) for number in range(10)])  # From a clock that is wrong.
    redis.rpush(FAILED, *[old] * 3500, *[element(number) for number in range(700)])

    found = search.search(store, Filter(since=NOW), limit=10_000)

    assert len(found.rows) == 700
    assert (found.looked, found.total) == (2000, 4210)


def test_a_clock_that_is_hours_wrong_does_not_end_the_search(store: Store, redis: Redis) -> None:
    late = [element(0, failed_at="2026/11/20 10:00:00 UTC")] * 1500
    redis.rpush(FAILED, element(1), *late)

    assert len(search.search(store, Filter(since=NOW)).rows) == 1


def test_an_unreadable_date_among_old_ones_does_not_end_the_search(
    store: Store, redis: Redis
) -> None:
    old = [element(0, failed_at="2026/11/01 00:00:00 UTC")] * 999
    redis.rpush(FAILED, element(1), *old, element(2, failed_at="?"), *old)

    assert len(search.search(store, Filter(since=NOW)).rows) == 1


def test_a_search_of_bounded_reach_says_how_far_it_looked_and_goes_on(
    store: Store, redis: Redis
) -> None:
    failed(redis, 3500)
    wanted = Filter(text="number 4")

    first = search.search(store, wanted, limit=1000, reach=2000)
    second = search.search(store, wanted, limit=1000, below=first.more)

    assert (first.looked, first.total, first.more) == (2000, 3500, 1500)
    assert first.rows == []
    assert second.rows[-1].position == 4
    assert (second.looked, second.total, second.more) == (1500, 1500, None)


def test_a_search_that_was_cut_short_by_its_limit_goes_on_where_it_ended(
    store: Store, redis: Redis
) -> None:
    failed(redis, 7)

    first = search.search(store, limit=4)
    second = search.search(store, limit=4, below=first.more)

    assert [row.position for row in first.rows + second.rows] == [6, 5, 4, 3, 2, 1, 0]
    assert second.more is None


def test_a_search_reads_in_bounded_windows(store: Store, redis: Redis) -> None:
    failed(redis, 2500)
    redis.config_resetstat()

    search.search(store, Filter(queue="nowhere"))

    stats: Any = redis.info("commandstats")
    assert stats["cmdstat_lrange"]["calls"] == 3
    assert stats["cmdstat_llen"]["calls"] == 1


def test_nothing_is_passed_over_while_others_add_and_remove(store: Store, redis: Redis) -> None:
    raws = failed(redis, 3000)
    windows = search.matching(store, Filter())

    seen = [row.position for row in next(windows).rows]
    redis.rpush(FAILED, element(9999))
    redis.lrem(FAILED, 1, raws[0])
    met = {row.digest for window in windows for row in window.rows}

    assert seen == list(range(2999, 1999, -1))
    assert met >= {search.digest(raw) for raw in raws[1:2000]}
    assert search.digest(element(9999)) not in met


def test_looking_needs_no_right_to_write(store: Store, redis: Redis, redis_url: str) -> None:
    raws = failed(redis, 3)
    redis.acl_setuser(
        "reader", enabled=True, nopass=True, keys="*", commands=["+@read", "+@connection"]
    )
    try:
        with Redis.from_url(redis_url, username="reader", password="-", decode_responses=True) as r:
            reading = Store(r)

            assert len(search.search(reading, Filter(queue="mail")).rows) == 3
            assert search.count(reading, Filter(queue="mail")) == (3, 3)
            assert search.find(reading, [search.digest(raws[0])])
    finally:
        redis.acl_deluser("reader")


def test_a_failure_is_found_by_the_beginning_of_its_digest(store: Store, redis: Redis) -> None:
    raws = failed(redis, 2500)
    whole, some = search.digest(raws[10]), search.digest(raws[2400])[:12]

    found = search.find(store, [whole, some, "0" * 40])

    assert [row.position for row in found[whole]] == [10]
    assert [row.position for row in found[some]] == [2400]
    assert found["0" * 40] == []


def test_a_beginning_of_several_digests_finds_all_of_them(store: Store, redis: Redis) -> None:
    raws = failed(redis, 600)
    digests = [search.digest(raw)[:1] for raw in raws]

    found = search.find(store, ["a"])

    assert len(found["a"]) == digests.count("a") > 1


def test_equal_failures_have_one_address(store: Store, redis: Redis) -> None:
    redis.rpush(FAILED, element(1), element(1))

    address = search.digest(element(1))

    assert [row.position for row in search.find(store, [address])[address]] == [1]


def test_a_count_is_of_what_was_there(store: Store, redis: Redis) -> None:
    failed(redis, 5)

    number, below = search.count(store, Filter(queue="mail"))
    redis.rpush(FAILED, element(7))

    assert (number, below) == (5, 5)
    (window,) = search.matching(store, Filter(queue="mail"), below)
    assert errors(window.rows) == [f"number {number}" for number in (4, 3, 2, 1, 0)]


# Withdrawing: requeue.lua, discard.lua

Each = Callable[[Store], Callable[[list[tuple[Failure, int]]], list[Answer]]]

EACH: list[Each] = [lambda store: store.requeue_each, lambda store: store.discard_each]

either = pytest.mark.parametrize("each", EACH, ids=["requeue", "discard"])


def at(raws: list[str], *positions: int, off: int = 0) -> list[tuple[Failure, int]]:
    return [(Failure.decode(raws[position]), position + off) for position in positions]


@either
@pytest.mark.parametrize("position", [0, 9_999, LONG - 10_000, LONG - 1])
def test_a_failure_near_an_end_is_removed_at_once(
    store: Store, redis: Redis, each: Each, position: int
) -> None:
    raws = failed(redis, LONG)

    assert each(store)(at(raws, position)) == ["done"]

    left = redis.lrange(FAILED, 0, -1)
    assert left == [raw.encode() for raw in raws[:position] + raws[position + 1 :]]


@either
def test_a_failure_deep_in_a_long_list_leaves_an_empty_element(
    store: Store, redis: Redis, each: Each
) -> None:
    raws = failed(redis, LONG)

    assert each(store)(at(raws, 10_000, 10_299)) == ["emptied", "emptied"]

    assert redis.llen(FAILED) == LONG
    assert redis.lindex(FAILED, 10_000) == redis.lindex(FAILED, 10_299) == b""
    assert store.sweep() == 2
    expected = [raw for number, raw in enumerate(raws) if number not in (10_000, 10_299)]
    assert redis.lrange(FAILED, 0, -1) == [raw.encode() for raw in expected]


@pytest.mark.parametrize(("place", "left"), [(0, [b"a", b"b", b""]), (3, [b"", b"a", b"b"])])
def test_a_sweep_begins_at_the_end_that_is_nearer(
    store: Store, redis: Redis, place: int, left: list[bytes]
) -> None:
    redis.rpush(FAILED, "", "a", "b", "")

    assert store.sweep([place]) == 1

    assert redis.lrange(FAILED, 0, -1) == left


@either
@pytest.mark.parametrize("position", [3, 10_100, LONG - 3])
def test_a_failure_is_withdrawn_once(store: Store, redis: Redis, each: Each, position: int) -> None:
    raws = failed(redis, LONG)
    each(store)(at(raws, position))
    before = redis.lrange(FAILED, 0, -1)

    assert each(store)(at(raws, position)) == ["gone"]

    assert redis.lrange(FAILED, 0, -1) == before
    assert redis.llen("resque:queue:mail") <= 1


@either
def test_a_failure_whose_place_shifted_is_found_by_its_content(
    store: Store, redis: Redis, each: Each
) -> None:
    raws = failed(redis, LONG)
    redis.lpop(FAILED, 20)

    answers = each(store)(at(raws, 10_200) + at(raws, 5_000, off=9) + at(raws, LONG - 1))

    assert answers == ["emptied", "done", "done"]
    store.sweep()
    left = set(redis.lrange(FAILED, 0, -1))
    assert len(left) == LONG - 23
    assert not left & {raws[number].encode() for number in (10_200, 5_000, LONG - 1)}


@either
@pytest.mark.parametrize("position", [0, 2])
def test_of_equal_failures_the_nearer_one_is_withdrawn(
    store: Store, redis: Redis, each: Each, position: int
) -> None:
    twin, other = element(1), element(2)
    redis.rpush(FAILED, twin, other, twin)

    assert each(store)([(Failure.decode(twin), position)]) == ["done"]

    left = [twin, other] if position else [other, twin]
    assert redis.lrange(FAILED, 0, -1) == [raw.encode() for raw in left]


@either
def test_a_failure_whose_place_is_unknown_is_withdrawn(
    store: Store, redis: Redis, each: Each
) -> None:
    raws = failed(redis, LONG)

    assert each(store)([(Failure.decode(raws[10_100]), -1)]) == ["done"]

    assert redis.llen(FAILED) == LONG - 1


@either
def test_a_full_redis_is_relieved_of_failures(store: Store, redis: Redis, each: Each) -> None:
    raws = failed(redis, LONG)
    before = str(redis.config_get("maxmemory")["maxmemory"])
    redis.config_set("maxmemory", 1)
    try:
        answers = each(store)(at(raws, LONG - 1, 10_100))
        store.sweep()
    finally:
        redis.config_set("maxmemory", before)

    assert answers == ["done", "emptied"]
    assert redis.llen(FAILED) == LONG - 2


@either
def test_a_failed_list_that_is_none_is_an_error(store: Store, redis: Redis, each: Each) -> None:
    redis.set(FAILED, "no list")

    with pytest.raises(ResponseError, match="WRONGTYPE"):
        each(store)(at([element()], 0))

    assert not redis.exists("resque:queue:mail")


@pytest.mark.parametrize("queue", ["", "odd"])
def test_a_failure_that_no_queue_takes_stays(store: Store, redis: Redis, queue: str) -> None:
    redis.set("resque:queue:odd", "no list")
    raw = element(queue=queue)
    redis.rpush(FAILED, raw)

    assert store.requeue_each(at([raw], 0)) == ["refused"]

    assert redis.lrange(FAILED, 0, -1) == [raw.encode()]
    assert not redis.exists("resque:queues", "resque:queue:")


def test_one_failure_is_discarded_once(store: Store, redis: Redis) -> None:
    raws = failed(redis, 3)
    found = Failure.decode(raws[1])

    assert store.discard(found) is True
    assert store.discard(found) is False

    assert redis.lrange(FAILED, 0, -1) == [raws[0].encode(), raws[2].encode()]


# Clearing: clear.lua, restore.lua


def test_cleared_failures_are_kept_for_an_hour(store: Store, redis: Redis) -> None:
    raws = failed(redis, 3)

    assert store.clear_failures() == 3

    assert not redis.exists(FAILED)
    assert redis.lrange(CLEARED, 0, -1) == [raw.encode() for raw in raws]
    assert redis.ttl(CLEARED) == KEPT


def test_clearing_an_empty_list_keeps_what_was_cleared_before(store: Store, redis: Redis) -> None:
    failed(redis, 3)
    store.clear_failures()

    assert store.clear_failures() == 0

    assert redis.llen(CLEARED) == 3


def test_clearing_again_keeps_what_was_cleared_last(store: Store, redis: Redis) -> None:
    failed(redis, 3)
    store.clear_failures()
    redis.rpush(FAILED, element(7))

    assert store.clear_failures() == 1

    assert redis.lrange(CLEARED, 0, -1) == [element(7).encode()]


def test_cleared_failures_come_back_below_what_failed_meanwhile(store: Store, redis: Redis) -> None:
    raws = failed(redis, 1200)
    store.clear_failures()
    redis.rpush(FAILED, element(7777))

    assert store.restore_failures() == 1200

    assert redis.lrange(FAILED, 0, -1) == [raw.encode() for raw in [*raws, element(7777)]]
    assert not redis.exists(CLEARED)
    assert redis.ttl(FAILED) == -1
    assert store.restore_failures() == 0


def test_keys_of_another_type_are_neither_cleared_nor_restored(store: Store, redis: Redis) -> None:
    redis.set(FAILED, "no list")
    redis.rpush(CLEARED, element())

    with pytest.raises(ResponseError, match="WRONGTYPE"):
        store.clear_failures()
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        store.restore_failures()

    assert redis.llen(CLEARED) == 1


# What an operator may do


def test_a_tally_says_how_many_of_how_many(store: Store, redis: Redis) -> None:
    raws = [element(1), element(2, queue=""), element(3), "no JSON"]
    redis.rpush(FAILED, *raws)
    windows = list(search.matching(store, Filter()))
    redis.lrem(FAILED, 0, raws[2])

    tally = control.retry_failures(store, windows)

    assert tally == control.Tally(found=4, done=1, gone=1, refused=2)
    assert redis.lrange(FAILED, 0, -1) == [raws[1].encode(), raws[3].encode()]


def test_what_is_retried_is_what_matches_and_no_empty_element_is_left(
    store: Store, redis: Redis
) -> None:
    raws = failed(redis, LONG)
    wanted = Filter(text="00")

    tally = control.retry_failures(store, search.matching(store, wanted))

    expected = [raw for number, raw in enumerate(raws) if "00" not in json.loads(raw)["error"]]
    assert redis.lrange(FAILED, 0, -1) == [raw.encode() for raw in expected]
    assert tally.done == tally.found == redis.llen("resque:queue:mail") == LONG - len(expected)


def test_failures_that_two_people_retry_at_once_are_retried_once(
    store: Store, redis: Redis
) -> None:
    failed(redis, LONG)
    windows = [Window(window.rows) for window in search.matching(store, Filter())][8:13]
    tallies: list[control.Tally] = []

    def retry() -> None:
        tallies.append(control.retry_failures(store, windows))

    people = [threading.Thread(target=retry) for _ in range(2)]
    for person in people:
        person.start()
    for person in people:
        person.join()

    queued = redis.lrange("resque:queue:mail", 0, -1)
    assert len(set(queued)) == len(queued) == sum(tally.done for tally in tallies)
    assert redis.llen(FAILED) + len(queued) == LONG
    assert redis.lrange(FAILED, 0, -1).count(b"") == 0


def test_a_run_that_is_stopped_sweeps_up_behind_itself(store: Store, redis: Redis) -> None:
    failed(redis, LONG)

    def stopped() -> Any:
        for number, window in enumerate(search.matching(store, Filter(text="number 102"))):
            if number == 12:
                raise KeyboardInterrupt
            yield window

    with pytest.raises(KeyboardInterrupt):
        control.remove_failures(store, stopped())

    assert redis.llen(FAILED) < LONG
    assert redis.lrange(FAILED, 0, -1).count(b"") == 0


def test_a_run_sweeps_up_behind_one_that_was_killed(store: Store, redis: Redis) -> None:
    redis.rpush(FAILED, element(1), "", element(2), "")

    control.remove_failures(store, search.matching(store, Filter(text="number 1")))

    assert redis.lrange(FAILED, 0, -1) == [element(2).encode()]


def test_a_run_sweeps_up_behind_others_and_itself(store: Store, redis: Redis) -> None:
    failed(redis, LONG)
    redis.lset(FAILED, 5, "")

    control.remove_failures(store, search.matching(store, Filter(text="number 10100")))

    assert redis.llen(FAILED) == LONG - 2
    assert redis.lrange(FAILED, 0, -1).count(b"") == 0


# resque_failures


def test_the_list_has_a_line_for_each_failure(store: Store, redis: Redis) -> None:
    odd = element(2, error="\nfirst\nsecond", queue="low")
    redis.rpush(FAILED, element(1), odd, "no JSON")

    lines = run("list").splitlines()

    assert lines[0].split() == ["DIGEST", "WHEN", "QUEUE", "CLASS", "EXCEPTION", "ERROR"]
    assert lines[1].split()[1:] == ["(unreadable)", "(unreadable)", "no", "JSON"]
    assert lines[2].split(maxsplit=1)[0] == search.digest(odd)[:12]
    assert lines[2].endswith("2026-11-20 23:51:28 UTC  low    shop.jobs.X   ValueError    first")
    assert lines[-1] == "3 of 3."


def test_the_list_has_at_most_its_limit(redis: Redis) -> None:
    failed(redis, 30)

    assert run("list").splitlines()[-1] == "25 of 30."
    assert run("list", "--limit=2").splitlines()[-1] == "2 of 30."
    assert run("list", "--limit=2", "--queue=mail").splitlines()[-1] == (
        "2 matching; looked at 2 of 30. --limit=N shows more."
    )
    assert run("list", "--queue=none") == "0 matching; looked at 30 of 30.\n"


def test_a_list_of_nothing_says_so() -> None:
    assert run("list") == "There are no failures.\n"
    assert run("list", "--json") == ""


def test_the_list_for_programs_is_a_line_of_json_for_each(redis: Redis) -> None:
    redis.rpush(FAILED, element(1, error="é\n"), b"\xff")

    odd, plain = map(json.loads, run("list", "--json").splitlines())

    assert plain == {
        "digest": search.digest(element(1, error="é\n")),
        "failed_at": "2026-11-20T23:51:28+00:00",
        "queue": "mail",
        "class": "shop.jobs.X",
        "id": f"{1:032x}",
        "exception": "ValueError",
        "error": "é\n",
        "worker": "host:7:mail",
    }
    assert (odd["failed_at"], odd["class"], odd["error"]) == (None, "(unreadable)", "�")


@pytest.mark.parametrize(
    ("flag", "count"),
    [
        ("--queue=low", 1),
        ("--class=Resize", 1),
        ("--exception=KeyError", 1),
        ("--text=CAFÉ", 1),
        ("--since=2026-11-20", 3),
        ("--since=2026-11-20T23:51:29+00:00", 0),
        ("--since=2026-11-21T00:51:29+01:00", 0),
        ("--since=2026-11-21T00:51:28+01:00", 3),
    ],
)
def test_each_filter_has_its_flag(redis: Redis, flag: str, count: int) -> None:
    redis.rpush(FAILED, element(1, queue="low", job="shop.jobs.Resize"))
    redis.rpush(FAILED, element(2, exception="KeyError"), element(3, error="no café"))

    assert len(run("list", "--json", flag).splitlines()) == count


@pytest.mark.parametrize("given", ["10m", "2h", "3d", "1w", "600", "600s", "1.5h"])
def test_since_takes_how_long_ago(redis: Redis, given: str) -> None:
    def at(ago: timedelta) -> str:
        return f"{datetime.now(UTC) - ago:%Y/%m/%d %H:%M:%S} UTC"

    redis.rpush(FAILED, element(1, failed_at=at(timedelta(days=8))))
    redis.rpush(FAILED, element(2, failed_at=at(timedelta(minutes=9))))

    (line,) = run("list", "--json", f"--since={given}").splitlines()

    assert json.loads(line)["error"] == "number 2"


def test_a_time_without_zone_is_the_projects(redis: Redis, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    redis.rpush(FAILED, element(1))

    assert run("list", "--json", "--since=2026-11-21T08:51:28") != ""
    assert run("list", "--json", "--since=2026-11-21T08:51:29") == ""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["list", "--since=soon"], "must be a duration like 10m, 2h, 3d or 90 (seconds), or a"),
        (["list", "--since=9999999999999999d"], "must be a duration like 10m, 2h, 3d or 90"),
        (["list", "--limit=0"], "must be a whole number above 0, not '0'"),
        (["list", "--queue="], "--queue must be the name of a queue, not ''."),
        (["list", "--class= "], "--class must be the name of a class, not ' '."),
        (["list", "--all"], "--all goes with retry, not list."),
        (["list", "abcd"], "list takes no DIGEST; show, retry and remove do."),
        (["clear", "abcd"], "clear takes no DIGEST; show, retry and remove do."),
        (["clear", "--undo", "--queue=mail"], "--undo brings back everything that was cleared"),
        (["show"], "show needs one DIGEST, from resque_failures list."),
        (["show", "abcd", "bcde"], "show needs one DIGEST, from resque_failures list."),
        (["show", "abcd", "--queue=x"], "--queue goes with list and retry and remove and clear"),
        (["show", "abc"], "'abc' is no DIGEST of a failure: it must be 4 to 40 hex digits"),
        (["show", "abcd"], "There is no failure abcd: it was retried or removed meanwhile"),
        (["retry"], "retry needs a DIGEST, or --queue, --class, --exception, --since or --text."),
        (["retry", "abcd", "--all"], "Name failures by DIGEST or by flags, not by both."),
        (["remove", "--unmasked"], "--unmasked goes with show, not remove."),
        (["remove"], "All failures: clear."),
        (["remove", "abcd", "--yes"], "There is no failure abcd"),
        (["bury"], "invalid choice: 'bury'"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], sentence: str) -> None:
    assert sentence in refused(*words)


def test_a_failure_is_shown_in_full_with_its_secrets_masked(redis: Redis) -> None:
    raw = element(1, args=[{"order": 12345678901234567890, "password": "hush"}], error="a\nb\x1b[m")
    redis.rpush(FAILED, raw)
    address = search.digest(raw)

    shown = run("show", address[:6])

    assert f"Digest:    {address}\nWhen:      2026-11-20 23:51:28 UTC\n" in shown
    assert "Error:\n  a\n  b\\x1b[m\n\nBacktrace:\n  shop/jobs.py:7\n" in shown
    assert '"order": 12345678901234567890' in shown
    assert '"password": "********************"' in shown
    assert "hush" not in shown


def test_a_failure_is_shown_unmasked_to_who_asks_for_it(redis: Redis) -> None:
    raw = element(1, args=[{"password": "hush"}])
    redis.rpush(FAILED, raw)
    address = search.digest(raw)

    assert '"password": "hush"' in run("show", "--unmasked", address)
    assert json.loads(run("show", address, "--json"))["payload"]["args"] != [{"password": "hush"}]
    whole = json.loads(run("show", address, "--json", "--unmasked"))
    assert whole["payload"] == json.loads(raw)["payload"]
    assert whole["backtrace"] == ["shop/jobs.py:7"]


def test_an_argument_is_masked_by_the_name_of_its_parameter(redis: Redis) -> None:
    raw = element(1, job="sign_in", args=["ada", "hush", 1])
    redis.rpush(FAILED, raw)

    shown = run("show", search.digest(raw), "--json")

    assert json.loads(shown)["payload"]["args"] == ["ada", "*" * 20, 1]


def test_an_unclear_beginning_is_refused_with_what_it_may_mean(redis: Redis) -> None:
    failed(redis, 600)
    begun: dict[str, list[str]] = {}
    for row in range(600):
        begun.setdefault(search.digest(element(row))[:4], []).append(element(row))
    prefix, twins = next((key, found) for key, found in begun.items() if len(found) > 1)

    for action in ("show", "retry", "remove"):
        sentence = refused(action, prefix)
        assert f"{prefix!r} begins the DIGEST of {len(twins)} failures: " in sentence
        assert search.digest(twins[0])[:12] in sentence

    assert redis.llen(FAILED) == 600


def test_named_failures_are_retried_once_and_without_asking(redis: Redis) -> None:
    raws = failed(redis, 4)
    addresses = [search.digest(raw)[:12] for raw in raws]

    assert run("retry", addresses[0], addresses[2], addresses[0]) == "Retried 2 of 2.\n"
    again = refused("retry", addresses[0], addresses[1].upper())

    assert again == "Retried 1 of 2; 1 was not there any more."
    assert redis.llen("resque:queue:mail") == 3
    assert redis.lrange(FAILED, 0, -1) == [raws[3].encode()]


def test_a_digest_may_stand_behind_a_flag(redis: Redis) -> None:
    (raw,) = failed(redis, 1)

    assert run("remove", "--yes", search.digest(raw)) == "Removed 1 of 1.\n"

    assert not redis.exists(FAILED)


def test_what_matches_is_retried_or_removed(redis: Redis) -> None:
    failed(redis, 3)
    redis.rpush(FAILED, element(7, queue="low"), element(8, exception="KeyError"))

    assert run("retry", "--queue=low", "--yes") == "Retried 1 of 1.\n"
    assert run("remove", "--exception=KeyError", "--yes") == "Removed 1 of 1.\n"
    assert run("clear", "--text=number 1", "--yes") == "Removed 1 of 1.\n"
    assert run("retry", "--all", "--yes") == "Retried 2 of 2.\n"

    assert redis.llen("resque:queue:mail") == 2
    assert redis.lrange("resque:queue:low", 0, -1)
    assert run("retry", "--all", "--yes") == "There are no failures.\n"
    assert run("remove", "--queue=mail") == "No failure matches.\n"


def test_a_failure_that_cannot_go_back_is_said_and_stays(redis: Redis) -> None:
    redis.rpush(FAILED, element(1), element(2, queue=""))

    assert refused("retry", "--all", "--yes") == (
        "Retried 1 of 2; 1 cannot go back: no queue is named, or its key is no list."
    )

    assert redis.llen(FAILED) == 1


def test_what_acts_on_many_or_destroys_wants_yes_where_nobody_can_be_asked(redis: Redis) -> None:
    (raw, *_) = failed(redis, 2)

    assert refused("retry", "--all").startswith("This retries 2 failures. Nobody is there")
    assert refused("remove", "--queue=mail").startswith("This removes 2 failures for good. Nob")
    assert refused("remove", search.digest(raw)).startswith("This removes 1 failure for good. ")
    assert refused("clear") == (
        "This clears the list: 2 failures. Nobody is there to be asked: say --yes to do it."
    )

    assert redis.llen(FAILED) == 2


def test_the_list_is_cleared_and_brought_back(redis: Redis) -> None:
    raws = failed(redis, 3)

    cleared = run("clear", "--yes")
    assert cleared.startswith("Cleared 3 failures. resque_failures clear --undo brings them back")
    assert run("clear") == "There are no failures.\n"
    assert run("clear", "--undo") == "Brought back 3 failures.\n"
    assert run("clear", "--undo").startswith("Nothing to bring back")

    assert redis.lrange(FAILED, 0, -1) == [raw.encode() for raw in raws]


def test_a_person_at_a_terminal_is_asked(redis: Redis, tmp_path: Path) -> None:
    failed(redis, 2)

    assert "Nothing was done." in typed("n\n", "retry", "--all")
    assert redis.llen(FAILED) == 2
    assert "This retries 2 failures. Go on? [y/N] Retried 2 of 2." in typed("y\n", "retry", "--all")
    assert not redis.exists(FAILED)


def typed(answer: str, *words: str) -> str:
    """What the command prints to somebody who types this."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer.encode())
        done = subprocess.run(
            [sys.executable, "-m", "django", "resque_failures", *words],
            cwd=ROOT,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=DEADLINE,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    return done.stdout


def test_exit_codes_and_sentences_are_for_shells(farm: Farm, redis: Redis) -> None:
    redis.rpush(FAILED, element(1, error="né"))

    listed = farm("resque_failures", "list", PYTHONIOENCODING="ascii")
    missing = farm("resque_failures", "show", "abcd")
    away = farm("resque_failures", "list", REDIS_URL="unix:///no/redis.sock")
    malformed = farm("resque_failures", "list", "--skip-checks", REDIS_URL="nonsense")

    assert (listed.ends(), missing.ends(), away.ends(), malformed.ends()) == (0, 1, 1, 1)
    assert "n\\xe9\n" in listed.output
    assert missing.output.startswith("CommandError: There is no failure abcd")
    assert "Redis at unix:///no/redis.sock?db=0 cannot be asked" in away.output
    assert "$REDIS_URL is no address of a Redis" in malformed.output
    assert "Traceback" not in missing.output + away.output + malformed.output
