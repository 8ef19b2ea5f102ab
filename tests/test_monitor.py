"""What people see of queues, workers and failures, from every client, and never a write."""

import json
from dataclasses import replace

import pytest
from redis import Redis

from django_resque import monitor, search
from django_resque.about import About
from django_resque.parcels import Parcel
from django_resque.store import Store, Take
from django_resque.wire import Payload
from tests import recorded

ABOUT = About("machine", 7, "1", 6, "0", "0.1.0")


def push(store: Store, queue: str, count: int = 1) -> None:
    for number in range(count):
        store.push([Parcel(queue, Payload.new("X", [], f"{queue}{number}", 1.0), track=False)])


def test_an_empty_redis_is_fine(store: Store) -> None:
    now = monitor.overview(store)

    assert (now.queues, now.workers, now.problems) == ([], [], [])
    assert (now.waiting, now.running, now.failures, now.processed) == (0, 0, 0, 0)


def test_a_busy_worker_shows_its_job(store: Store) -> None:
    store.register("host:7:mail", ABOUT)
    push(store, "mail", 2)
    store.reserve(Take.new("host:7:mail", ["mail"]))

    now = monitor.overview(store)

    (worker,) = now.workers
    assert (worker.host, worker.pid, worker.queues) == ("host", "7", ("mail",))
    assert (worker.job, worker.job_id, worker.queue) == ("X", "mail0", "mail")
    assert worker.ours is True
    assert worker.silent is False
    assert worker.since is not None
    assert worker.started is not None
    (queue,) = now.queues
    assert (queue.name, queue.size, queue.workers) == ("mail", 1, 1)
    assert (now.waiting, now.running) == (1, 1)
    assert now.problems == []


def test_jobs_that_nobody_works_are_a_warning_with_the_nearest_name(store: Store) -> None:
    store.register("host:7:mial,low", ABOUT)
    push(store, "mail", 3)

    (problem,) = monitor.overview(store).problems

    assert problem.level == "warning"
    assert problem.text == (
        "mail: 3 waiting, and no worker listens to it (workers listen to: low, mial); "
        "did you mean 'mial'?"
    )


def test_jobs_without_any_worker_are_a_warning(store: Store) -> None:
    push(store, "mail")

    (problem,) = monitor.overview(store).problems

    assert problem.text == "mail: 1 waiting, and no worker listens to it, nor to any other queue."


def test_a_silent_worker_is_critical(store: Store, redis: Redis) -> None:
    store.register("host:7:mail", ABOUT)
    redis.hset("resque:workers:lease", "host:7:mail", int((redis.time()[0] - 40) * 1000))

    (problem,) = monitor.overview(store).problems

    assert problem.level == "critical"
    assert problem.text.startswith("Worker host:7:mail has been silent for 4")


def test_a_pause_that_may_be_forgotten_is_a_warning(store: Store, redis: Redis) -> None:
    store.register("host:7:mail", ABOUT)
    push(store, "mail", 2)
    store.pause("mail", by="ada")
    store.pause_all()
    redis.hset("resque:queues:paused", "odd", "no JSON")

    first, second, third = (problem.text for problem in monitor.overview(store).problems)

    assert first == "All workers are paused, of every language: they take no job."
    assert second.startswith("mail is paused by ada since 20")
    assert second.endswith("Z: 2 waiting.")
    assert third == "odd is paused: 0 waiting."


@pytest.mark.parametrize("peer", recorded.records())
def test_workers_of_other_languages_are_shown_and_never_called_silent(
    store: Store, redis: Redis, peer: str
) -> None:
    for key, value in recorded.records()[peer].items():
        _, found, rest = key.partition("worker:")
        if not found or rest.startswith("ping"):
            continue
        redis.set(f"resque:worker:{rest}", value)
        redis.sadd("resque:workers", rest.removesuffix(":started"))

    now = monitor.overview(store)

    assert now.problems == []
    for worker in now.workers:
        assert worker.ours is False
        assert worker.beat_age is None
        assert worker.job.endswith("Sleeper")
        assert worker.since is not None
        assert worker.started is not None


@pytest.mark.parametrize("worker_id", ["bob", "bob:queue", "bob:1:", "::1:7:q", "", "\udcff", ":"])
def test_a_malformed_worker_id_is_a_row(store: Store, redis: Redis, worker_id: str) -> None:
    redis.sadd("resque:workers", worker_id.encode("utf-8", "surrogateescape"))

    (row,) = monitor.overview(store).workers

    row.id.encode()


def test_keys_of_the_wrong_type_do_not_break_the_view(store: Store, redis: Redis) -> None:
    redis.sadd("resque:queues", "mail")
    redis.set("resque:queue:mail", "no list")
    redis.set("resque:workers", "no set")
    redis.sadd("resque:stat:processed", "no counter")
    redis.set("resque:failed", "no list")

    now = monitor.overview(store)

    assert [(row.name, row.size) for row in now.queues] == [("mail", 0)]
    assert now.processed == 0
    assert monitor.failures(store).rows == []


def failed(redis: Redis, count: int) -> list[str]:
    raws = [json.dumps({"error": f"number {number}"}) for number in range(count)]
    redis.rpush("resque:failed", *raws)
    return raws


def test_failures_come_newest_first_by_the_page(store: Store, redis: Redis) -> None:
    failed(redis, 7)

    first = monitor.failures(store, 1, size=3)
    last = monitor.failures(store, 3, size=3)

    assert [row.failure.error for row in first.rows] == ["number 6", "number 5", "number 4"]
    assert [row.position for row in first.rows] == [6, 5, 4]
    assert (first.total, first.previous, first.next) == (7, None, 2)
    assert [(row.failure.error, row.position) for row in last.rows] == [("number 0", 0)]
    assert (last.previous, last.next) == (2, None)


def test_past_the_last_page_there_is_nothing(store: Store, redis: Redis) -> None:
    failed(redis, 3)

    page = monitor.failures(store, 2, size=3)

    assert (page.rows, page.total) == ([], 3)


def test_an_empty_element_is_passed_over(store: Store, redis: Redis) -> None:
    redis.rpush("resque:failed", "", "not JSON")

    (row,) = monitor.failures(store).rows

    assert row.failure.exception == "(unreadable)"


def test_a_failure_is_found_by_its_digest_where_it_moved_to(store: Store, redis: Redis) -> None:
    failed(redis, 50)
    row = next(row for row in monitor.failures(store, 1).rows if row.failure.error == "number 40")

    redis.ltrim("resque:failed", 10, -1)
    found = monitor.failure(store, row.digest, row.position)

    assert found is not None
    assert (found.failure, found.position) == (row.failure, 30)
    assert monitor.failure(store, "0" * 40, 0) is None


def test_a_failure_among_thousands_is_found_near_and_among_the_newest(
    store: Store, redis: Redis
) -> None:
    raws = failed(redis, 5000)

    deep = monitor.failure(store, search.digest(raws[100]), 150)
    new = monitor.failure(store, search.digest(raws[4990]), 0)
    lost = monitor.failure(store, search.digest(raws[2500]), 0)

    assert deep is not None
    assert deep.position == 100
    assert new is not None
    assert new.position == 4990
    assert lost is None


def test_a_pause_by_a_signal_is_told(store: Store) -> None:
    for number in range(5):
        store.register(f"host:{number}:mail", replace(ABOUT, paused=number > 0))

    texts = [problem.text for problem in monitor.overview(store).problems]

    assert texts == [
        "Paused by the signal USR2 or on their page, until CONT or Resume: host:1:mail, "
        "host:2:mail, host:3:mail and others; 4 of 5 workers."
    ]


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "[]",
        '{"machine":"m","pid":"7","birth":"1","supervisor":6,"supervisor_birth":"0","version":"1"}',
        '{"machine":"m","pid":true,"birth":"1","supervisor":6,"supervisor_birth":"0","version":"1"}',
        '{"machine":"m","pid":1e30,"birth":"1","supervisor":6,"supervisor_birth":"0","version":"1"}',
        f'{{"machine":"m","pid":{10**30},"birth":"1","supervisor":6,"supervisor_birth":"0",'
        '"version":"1"}',
    ],
)
def test_what_nobody_could_have_said_about_himself_is_nothing(raw: str) -> None:
    assert About.decode(raw) is None


def test_what_a_later_version_says_besides_is_passed_over() -> None:
    assert About.decode(f'{{"colour":"red",{ABOUT.encode()[1:]}') == ABOUT
