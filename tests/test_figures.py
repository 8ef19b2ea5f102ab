"""Numbers over time: counted without a command, added once, bounded, read as they were."""

import os
import random
import signal
import time
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from django_resque import charts, enqueue, enqueue_to, figures, history, monitor, rows
from django_resque.board import Board
from django_resque.figures import FAILED, HOURS, MINUTES, PROCESSED, RETRIED, RUNS, TENS, WAITS
from django_resque.recording import Measuring, Recorder
from django_resque.scripts import script
from django_resque.sheet import Sheet
from django_resque.store import Store
from django_resque.wire import Payload
from tests.conftest import Farm, wait_for
from tests.project import jobs

MAIL = ("mail", "shop.jobs.Mail")


def record(store: Store, *series: tuple[figures.Series | None, figures.Tally]) -> None:
    recorder = Recorder()
    recorder.add(dict(series))
    recorder.write(store)


def keys_of(redis: Redis, level: figures.Level) -> list[Any]:
    found: Any = redis.keys(f"resque:figures:{level.seconds}:*")
    return sorted(found)


def windows(redis: Redis, level: figures.Level) -> list[dict[str, str]]:
    """Every hash of one level, the oldest first."""
    found: list[Any] = [redis.hgetall(key) for key in keys_of(redis, level)]
    return [{name.decode(): text.decode() for name, text in each.items()} for each in found]


def of_the_hour(redis: Redis, series: figures.Series) -> figures.Tally:
    return figures.added(
        figures.decode(each.get(figures.name(series), "")) for each in windows(redis, HOURS)
    )


# Values.


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_a_percentile_is_right_within_a_fifth(share: float) -> None:
    chance = random.Random(7)
    times = sorted(chance.lognormvariate(0, 2) for _ in range(5001))
    tally: dict[int, int] = {}
    for each in times:
        at = RUNS + figures.bucket(each)
        tally[at] = tally.get(at, 0) + 1

    found = figures.percentile(tally, RUNS, share)

    assert found == pytest.approx(times[int(share * 5000)], rel=0.2)
    assert figures.percentile(tally, WAITS, share) is None


def test_every_duration_has_a_bucket() -> None:
    found = [figures.bucket(seconds) for seconds in (0.0, 0.0005, 0.001, 0.0011, 86400.0, 1e9)]

    assert found == [0, 0, 0, 1, 53, 53]
    assert figures.percentile({RUNS: 1}, RUNS, 0.5) == 0.001
    assert figures.percentile({RUNS + 53: 1}, RUNS, 0.5) == pytest.approx(67108.864)


@pytest.mark.parametrize(
    "series", [(), ("mail",), MAIL, ("\udcff", 'a"\\\n:'), ("<b>", "Größe::Übung")]
)
def test_a_series_is_read_as_it_was_named(series: figures.Series) -> None:
    assert figures.series(figures.name(series)) == series


@pytest.mark.parametrize("text", ["null", "", "{}", "[1]", '["a","b","c"]', "[" * 5000, "nonsense"])
def test_what_is_no_name_belongs_to_the_others(text: str) -> None:
    assert figures.series(text) is None


def test_counts_are_read_as_they_were_written() -> None:
    assert figures.decode(figures.encode({PROCESSED: 12, FAILED: 0, RUNS: 3})) == {0: 12, RUNS: 3}
    assert figures.decode("nonsense: 1:x 2:2") == {2: 2}


@pytest.mark.parametrize(
    ("raw", "waited"),
    [
        ('{"class":"X","queue_time":1795218367.5}', 2.5),
        ('{"class":"X","queue_time":1795218367}', 3.0),
        ('{"class":"X","enqueue_timestamp":1795218369.5}', 0.5),
        ('{"class":"X","queue_time":1795218377.5}', 0.0),
        ('{"class":"X","queue_time":1795218367.5,"attempt":2}', None),
        ('{"class":"X"}', None),
        ('{"class":"X","queue_time":"1795218367"}', None),
        ('{"class":"X","queue_time":true}', None),
        ('{"class":"X","queue_time":1795218367000}', None),
        (f'{{"class":"X","queue_time":{"9" * 400}}}', None),
        ("nonsense", None),
    ],
)
def test_how_long_a_job_waited_is_told_by_its_payload_or_not_known(
    raw: str, waited: float | None
) -> None:
    assert Payload.read(raw).waited(1795218370.0) == waited


# Counting, in shared memory.


def test_what_a_killed_process_has_counted_is_not_lost() -> None:
    place = Board(1).take()
    pid = os.fork()
    if not pid:
        Sheet(place.counts).count(*MAIL, FAILED, waited=2.0, took=0.1)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)

    news = dict(Sheet(place.counts).news())

    waits, runs = WAITS + figures.bucket(2.0), RUNS + figures.bucket(0.1)
    assert news == {MAIL: {PROCESSED: 1, FAILED: 1, waits: 1, runs: 1}}


def test_news_are_told_once() -> None:
    place = Board(1).take()
    worker, supervisor = Sheet(place.counts), Sheet(place.counts)

    found = []
    for ending in (PROCESSED, RETRIED):
        worker.count(*MAIL, ending, waited=None, took=0.0)
        found.append(dict(supervisor.news()))

    assert found == [{MAIL: {PROCESSED: 1, RUNS: 1}}, {MAIL: {RETRIED: 1, RUNS: 1}}]
    assert dict(supervisor.news()) == {}


def test_too_many_series_and_long_names_are_counted_among_the_others() -> None:
    place = Board(1).take()
    sheet = Sheet(place.counts)
    for number in range(120):
        sheet.count("mail", f"Job{number}", PROCESSED, waited=None, took=0.0)
    sheet.count("mail", "x" * 500, PROCESSED, waited=None, took=0.0)

    news = dict(Sheet(place.counts).news())

    assert len(news) == 101
    assert news[None] == {PROCESSED: 21, RUNS: 21}
    assert news["mail", "Job99"] == {PROCESSED: 1, RUNS: 1}


def test_a_place_that_is_taken_again_begins_with_an_empty_sheet() -> None:
    board = Board(1)
    place = board.take()
    Sheet(place.counts).count(*MAIL, PROCESSED, waited=None, took=0.0)

    board.give_back(place)

    assert dict(Sheet(board.take().counts).news()) == {}


# Recording, in Redis.


def test_figures_are_added_up_in_windows_that_expire(store: Store, redis: Redis) -> None:
    for _ in range(2):
        record(store, (MAIL, {PROCESSED: 2, RUNS: 2}), (("mail", "Other"), {RETRIED: 1}))

    minute, ten, hour = (windows(redis, level) for level in (MINUTES, TENS, HOURS))

    if len(minute) == 1:  # Or a minute has begun between the two.
        counts = {name: figures.decode(text) for name, text in minute[0].items()}
        assert counts == {"[]": {PROCESSED: 4, RETRIED: 2}, '["mail"]': {PROCESSED: 4, RETRIED: 2}}
    assert set().union(*ten) == {figures.name(MAIL), '["mail","Other"]'}
    assert set().union(*hour) == {"[]", figures.name(MAIL), '["mail","Other"]'}
    assert of_the_hour(redis, MAIL) == {PROCESSED: 4, RUNS: 4}
    for level in (MINUTES, TENS, HOURS):
        for key in keys_of(redis, level):
            assert 0 < redis.ttl(key) <= level.seconds * (level.kept + 1)


def test_the_clock_of_redis_names_the_minute(store: Store, redis: Redis) -> None:
    recorder = Recorder()
    recorder.ahead = 7200.0
    recorder.add({MAIL: {PROCESSED: 1}})

    recorder.write(store)

    now: Any = redis.time()
    (key,) = keys_of(redis, MINUTES)
    assert abs(int(key.decode().rpartition(":")[2]) - now[0]) <= 60
    assert abs(recorder.ahead) < 60


def test_a_batch_whose_reply_was_lost_is_added_once(store: Store, redis: Redis) -> None:
    keys = [store.keys.figures_writer("w"), *(store.keys.figures(s, 0) for s in (60, 600, 3600))]
    minute = MINUTES.window(time.time())
    words: list[str | int] = [1, minute, 100, "null", 60, 60, 60, 1, "[]", "0:2", 3, "[]", "0:2"]

    answers = [script("record")(store.redis, keys, words) for _ in range(2)]
    later = script("record")(store.redis, keys, [2, minute + 600, *words[2:]])
    redis.set(keys[3], "no hash")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        script("record")(store.redis, keys, [2, MINUTES.window(time.time()), *words[2:]])

    assert answers == ["", ""]
    assert abs(int(later) - time.time()) < 60
    assert redis.hgetall(keys[1]) == {b"[]": b"0:2"}


def test_a_full_redis_has_figures_too(store: Store, redis: Redis) -> None:
    redis.config_set("maxmemory", "1")
    redis.config_set("maxmemory-policy", "noeviction")
    try:
        record(store, (MAIL, {PROCESSED: 1}))
    finally:
        redis.config_set("maxmemory", "0")

    assert of_the_hour(redis, MAIL) == {PROCESSED: 1}


def test_memory_is_bounded_whatever_runs(store: Store, redis: Redis) -> None:
    """1,000 queues and classes of the longest names, with every number in use."""
    tally = dict.fromkeys(range(figures.SIZE), 123456)
    for first in range(0, 1000, 100):
        numbers = range(first, first + 100)
        record(store, *[((f"queue{number}", f"{number:x>130}"), tally) for number in numbers])

    sizes = {}
    for level in (MINUTES, TENS, HOURS):
        keys = keys_of(redis, level)
        fields: list[Any] = [redis.hlen(key) for key in keys]
        assert max(fields) == 101
        sizes[level] = max(redis.memory_usage(key, samples=0) or 0 for key in keys)
    megabytes = sum(size * (level.kept + 2) for level, size in sizes.items()) / 1e6
    assert megabytes < 6, sizes


# Jobs that ran.


@pytest.mark.django_db(transaction=True)
def test_figures_of_real_jobs(farm: Farm, store: Store, trace: Any) -> None:
    for _ in range(3):
        enqueue(jobs.untracked)
    enqueue(jobs.fail, "no such order")
    enqueue(jobs.leave_by, "SIGKILL")
    enqueue_to("other", jobs.untracked)

    assert farm("resque_work", "--burst", "--queue=default,other").ends() == 0

    found = history.history(store)
    rows = {(row.queue, row.job): row for row in found.rows}
    done, failed = rows["default", jobs.untracked.job.name], rows["default", jobs.fail.job.name]
    killed, all_classes = rows["default", jobs.leave_by.job.name], rows["default", ""]
    assert (done.processed, done.failed, len(done.waited), len(done.ran)) == (3, 0, 3, 3)
    assert (failed.processed, failed.failed, failed.share) == (1, 1, 100.0)
    assert (killed.processed, killed.failed, killed.waited, killed.ran) == (1, 1, (), ())
    assert (all_classes.processed, all_classes.failed) == (5, 2)
    assert sum(bar.processed for bar in found.hour) == 6
    assert sum(bar.failed for bar in found.day) == 2
    assert ("other", "") not in rows
    assert history.history(store, day=True).rows == found.rows


@pytest.mark.django_db(transaction=True)
def test_a_retry_is_counted_apart(farm: Farm, store: Store, trace: Any) -> None:
    enqueue(jobs.Persistent, str(trace), 2)

    work = farm("resque_work", "--queue=slow", "--in-process")
    work.says(" done ")
    work.send(signal.SIGTERM)
    assert work.ends() == 0

    (row,) = history.history(store).rows
    assert (row.processed, row.failed, row.retried) == (1, 0, 1)


# What is made of them.


def test_the_pace_of_a_queue_says_when_it_is_drained(
    store: Store, redis: Redis, request: pytest.FixtureRequest
) -> None:
    record(store, (MAIL, {PROCESSED: 500, FAILED: 20, RETRIED: 100}))
    redis.sadd("resque:queues", "mail", "idle")
    redis.rpush("resque:queue:mail", *["{}"] * 60)
    request.getfixturevalue("as_reader")

    idle, mail = monitor.overview(store).queues

    # In at least ten seconds, and in at most the minute that it was written in, and the next.
    assert 600 / 120 <= mail.pace <= 60
    assert mail.drain == pytest.approx(60 / mail.pace)
    assert (idle.pace, idle.drain) == (0.0, None)


def note(redis: Redis, ago: float, *, whole: bool = True, **sizes: int) -> None:
    """So many seconds ago a supervisor has noted how long the queues were."""
    seconds, micros = redis.time()
    lengths = figures.Lengths.of(seconds + micros / 1e6 - ago, sizes, whole=whole)
    redis.rpush("resque:figures:lengths", lengths.encode())


def only_queue(store: Store) -> rows.QueueRow:
    (row,) = monitor.overview(store).queues
    return row


def test_what_comes_is_what_is_done_and_what_is_more_by_now(store: Store, redis: Redis) -> None:
    """Whoever pushed it, and be it that all of it is done already."""
    redis.sadd("resque:queues", "mail")
    redis.rpush("resque:queue:mail", *["{}"] * 90)
    note(redis, 60.0, mail=30)
    record(store, (MAIL, {PROCESSED: 3000}))

    row = only_queue(store)

    assert row.growth == pytest.approx(1.0, abs=0.05)
    assert row.in_per_minute == pytest.approx(row.per_minute + 60, abs=3)
    assert row.grows_per_minute is None


@pytest.mark.parametrize(
    ("pace", "growth", "comes", "grows"),
    [
        (0.0, None, None, None),
        (2.0, None, None, None),
        (0.0, 0.0, 0, None),
        (0.0, 0.05, 3, 3),
        (2.0, 0.5, 150, 30),
        (2.0, 0.05, 123, None),  # As good as steady.
        (2.0, -1.0, 60, None),
        (2.0, -2.1, 0, None),  # What was done lately may not be counted yet.
        (2.0, -9.0, None, None),  # Cleared, or worked in another language.
        (0.0, -0.1, None, None),
    ],
)
def test_what_comes_and_whether_that_is_too_much(
    pace: float, growth: float | None, comes: float | None, grows: float | None
) -> None:
    row = rows.QueueRow("mail", 7, 1, False, pace, growth)

    assert row.in_per_minute == (comes if comes is None else pytest.approx(comes))
    assert row.grows_per_minute == (grows if grows is None else pytest.approx(grows))


@pytest.mark.parametrize(
    ("notes", "growth"),
    [
        ([], None),
        ([(5.0, 0)], None),  # Too near.
        ([(400.0, 0)], None),  # Too old: no supervisor has lived since.
        ([(30.0, 10), (90.0, 5), (350.0, 65)], 35 / 350),
        ([(30.0, 10), (400.0, 0)], 3.0),
    ],
)
def test_a_queue_has_grown_since_a_note_of_the_last_minutes(
    store: Store, redis: Redis, notes: list[tuple[float, int]], growth: float | None
) -> None:
    redis.sadd("resque:queues", "mail")
    redis.rpush("resque:queue:mail", *["{}"] * 100)
    for ago, size in notes:
        note(redis, ago, mail=size)

    found = only_queue(store).growth

    assert found == (growth if growth is None else pytest.approx(growth, abs=0.1))


def test_a_queue_that_was_not_noted_was_not_there_unless_the_note_had_no_room(
    store: Store, redis: Redis
) -> None:
    redis.sadd("resque:queues", "mail")
    redis.rpush("resque:queue:mail", *["{}"] * 100)
    note(redis, 100.0, other=7)
    new = only_queue(store).growth
    redis.delete("resque:figures:lengths")
    note(redis, 100.0, whole=False, other=7)

    assert new == pytest.approx(1.0, abs=0.1)
    assert only_queue(store).growth is None


def test_the_lengths_of_queues_are_noted_once_a_minute_by_whoever_comes_first(
    store: Store, redis: Redis, round_trips: list[int]
) -> None:
    enqueue_to("mail", jobs.untracked)
    redis.set("resque:queue:broken", "no list")
    redis.sadd("resque:queues", "broken")
    first, second = Measuring(), Measuring()
    first.write(store)
    round_trips.clear()
    for measuring in (first, second, first, second):
        measuring.write(store)
    cost = len(round_trips)
    redis.lset("resque:figures:lengths", 0, figures.Lengths(1.0, {}, whole=True).encode())
    Measuring().write(store)

    raws: Any = redis.lrange("resque:figures:lengths", 0, -1)

    notes = [figures.Lengths.decode(raw) for raw in raws]
    assert [found and found.sizes for found in notes] == [{"mail": 1}, {}]
    assert notes[0]
    assert not notes[0].whole
    assert cost == 1
    assert 0 < redis.ttl("resque:figures:lengths") <= 360


def test_of_two_supervisors_that_measure_at_the_same_moment_one_notes(
    store: Store, redis: Redis
) -> None:
    """Both have seen the same newest note, or none."""
    step, key = script("measure"), ["resque:figures:lengths"]
    redis.rpush(key[0], "seen")

    answers = [step(store.redis, key, ["seen", note, 5, 360]) for note in ("first", "second")]
    none = step(store.redis, key, ["", "third", 5, 360])

    assert (answers, none) == ([1, 0], 0)
    assert redis.lrange(key[0], 0, -1) == [b"first", b"seen"]


def test_the_notes_are_few_and_of_bounded_size(store: Store, redis: Redis) -> None:
    redis.sadd("resque:queues", *[f"queue{number}" for number in range(2000)], "x" * 1000)
    for _ in range(9):
        Measuring().write(store)
        newest: Any = redis.lindex("resque:figures:lengths", 0)
        redis.lset("resque:figures:lengths", 0, newest.replace(b'{"at":', b'{"at":0.'))

    assert redis.llen("resque:figures:lengths") == 6
    assert (redis.memory_usage("resque:figures:lengths") or 0) < 200_000
    found = figures.Lengths.decode(newest)
    assert found
    assert (len(found.sizes), found.whole) == (1000, False)


def test_an_idle_supervisor_notes_too(farm: Farm, store: Store, redis: Redis) -> None:
    redis.rpush("resque:queue:elsewhere", "{}")
    redis.sadd("resque:queues", "elsewhere")

    farm("resque_work", "--queue=mail").says("Starting worker")

    wait_for(lambda: redis.exists("resque:figures:lengths"), "the lengths are noted")
    raw: Any = redis.lindex("resque:figures:lengths", 0)
    found = figures.Lengths.decode(raw)
    assert found
    assert found.sizes == {"elsewhere": 1}


@pytest.mark.parametrize(
    "raw", ["", "null", "[]", "{}", '{"at":1e999,"sizes":{},"whole":true}', "[" * 9000, "\xff"]
)
def test_what_is_no_note_is_passed_over(store: Store, redis: Redis, raw: str) -> None:
    redis.sadd("resque:queues", "mail")
    redis.rpush("resque:figures:lengths", raw)
    note(redis, 100.0)

    assert figures.Lengths.decode(raw) is None
    assert only_queue(store).growth == 0
    Measuring().write(store)
    assert redis.llen("resque:figures:lengths") == 3


def test_foreign_values_at_our_keys_harm_nobody(store: Store, redis: Redis) -> None:
    record(store, (MAIL, {PROCESSED: 1}))
    for key in keys_of(redis, MINUTES):
        redis.set(key, "no hash")
    redis.set("resque:figures:lengths", "no list")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        Measuring().write(store)
    for key in keys_of(redis, TENS):
        redis.hset(key, mapping={"nonsense": "more of it", b"\xff": b"\xff", "[]": "0:x"})

    found = history.history(store)

    assert [(row.queue, row.processed) for row in found.rows] == [("mail", 1), ("", 0)]
    assert sum(bar.processed for bar in found.hour) == 0
    assert monitor.overview(store).level == "fine"


def test_absurdly_large_numbers_at_our_keys_harm_nobody(store: Store, redis: Redis) -> None:
    """Those that Python cannot make a float of."""
    record(store, (MAIL, {PROCESSED: 1}))
    digits = "9" * 400
    for key in redis.keys("resque:figures:[0-9]*"):
        for name in ("[]", '["mail"]', '["mail","X"]'):
            redis.hset(key, name, f"0:1 1:{digits} 58:{digits}")
    redis.sadd("resque:queues", "mail")
    redis.sadd("resque:workers", "h:1:mail")
    redis.hset("resque:workers:lease", "h:1:mail", digits)
    redis.set("resque:stat:processed", digits)

    overview, found = monitor.overview(store), history.history(store)

    assert (len(overview.workers), overview.processed) == (1, 0)
    assert len(found.rows) > 1
    assert charts.chart([(bar.processed, bar.failed) for bar in found.hour]).most == 1


def test_the_others_are_a_row_of_their_own(store: Store) -> None:
    record(store, (MAIL, {PROCESSED: 1}), (None, {PROCESSED: 7}))

    first, last = history.history(store).rows

    assert (first.queue, first.others) == ("mail", False)
    assert (last.others, last.processed) == (True, 7)


# Charts.


def test_a_chart_draws_what_failed_below_the_line() -> None:
    drawn = charts.chart([(0, 0), (100, 1), (50, 0), (1, 1)])

    assert (drawn.width, drawn.height, drawn.line) == (40, 140, 100)
    assert (drawn.most, drawn.most_below) == (100, 1)
    assert [(bar.x, bar.width) for bar in drawn.bars] == [(1, 8), (11, 8), (21, 8), (31, 8)]
    assert [(bar.top, bar.above, bar.below) for bar in drawn.bars] == [
        (100, 0, 0),
        (0, 100, 40),
        (50, 50, 0),
        (99, 1, 40),
    ]


def test_a_chart_of_nothing_has_its_line() -> None:
    drawn = charts.chart([(0, 0)] * 60)

    assert (drawn.width, drawn.most, drawn.most_below) == (600, 1, 1)
    assert {(bar.above, bar.below) for bar in drawn.bars} == {(0, 0)}


@pytest.mark.parametrize(
    ("value", "round_number"),
    [(0, 1), (1, 1), (4, 5), (6, 10), (11, 15), (16, 20), (51, 100), (101, 150), (20001, 30000)],
)
def test_a_scale_ends_at_a_round_number(value: int, round_number: int) -> None:
    assert charts.scale(value) == round_number
