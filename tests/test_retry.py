"""A job that failed is tried again by its policy: when, how often, and what else may happen."""

import json
import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings
from redis import Redis
from redis.exceptions import ResponseError

from django_resque import (
    GiveUp,
    Job,
    JobFailed,
    Retry,
    RetryLater,
    checks,
    clock,
    conf,
    enqueue,
    enqueue_to,
    execution,
    job,
    job_status,
    signals,
    supervisor,
)
from django_resque.about import About
from django_resque.errors import DirtyExit, JobTimeout
from django_resque.execution import Guard
from django_resque.failure import Failure
from django_resque.items import Item
from django_resque.order import Order
from django_resque.outcome import Outcome
from django_resque.parcels import UNENDED_TTL, Parcel
from django_resque.registry import registry
from django_resque.store import Store, Take
from django_resque.verdict import verdict
from django_resque.wire import Payload, Reservation
from tests import recorded
from tests.conftest import Farm, gone, names, wait_for
from tests.project import jobs

pytestmark = pytest.mark.django_db(transaction=True)

WORKER = "host:7:mail"
RECORD = f"resque:worker:{WORKER}"
ABOUT = About("machine", 7, "1", 6, "0", "0.1.0")
ID = "0123456789abcdef0123456789abcdef"
STATUS = f"resque:job:{ID}:status"

AT_ONCE = Retry(limit=2, delay=0, jitter=0)


@pytest.fixture(autouse=True)
def _scratch() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    before = dict(registry._registry)
    yield
    registry._registry = before


# The policy.


def delays(policy: Retry, error: BaseException | None = None) -> list[float | None]:
    """How long is waited after each attempt, until it is given up."""
    found: list[float | None] = []
    while not found or found[-1] is not None:
        found.append(policy.seconds(len(found) + 1, error or ValueError()))
    return found


def test_a_policy_of_no_words_retries_three_times() -> None:
    assert delays(Retry(jitter=0)) == [15, 30, 60, None]


def test_delays_grow_to_the_longest() -> None:
    policy = Retry(limit=6, delay=1, factor=3, max_delay=20, jitter=0)

    assert delays(policy) == [1, 3, 9, 20, 20, 20, None]


@pytest.mark.parametrize("limit", [0, 1, 7])
def test_the_limit_counts_what_comes_after_the_first_try(limit: int) -> None:
    assert len(delays(Retry(limit=limit))) == limit + 1


def test_jitter_spreads_each_delay_either_way() -> None:
    policy = Retry(limit=2, delay=100, factor=10, max_delay=1000, jitter=0.2)

    for attempt, middle in [(1, 100), (2, 1000)]:
        drawn = [policy.seconds(attempt, ValueError()) or 0 for _ in range(1000)]
        assert 0.8 * middle <= min(drawn) < 0.85 * middle
        assert 1.15 * middle < max(drawn) <= 1.2 * middle


@pytest.mark.parametrize("kind", [int, float])
def test_an_attempt_beyond_all_numbers_waits_the_longest(kind: type[int] | type[float]) -> None:
    policy = Retry(limit=10**9, delay=kind(15), factor=kind(2), jitter=0)

    assert policy.seconds(10**9, ValueError()) == 3600
    assert policy.seconds(1100, ValueError()) == 3600


def test_no_delay_stays_none_however_often_it_is_multiplied() -> None:
    assert Retry(limit=9999, delay=0, jitter=0).seconds(9999, ValueError()) == 0


@pytest.mark.parametrize(
    ("policy", "error", "retried"),
    [
        (Retry(), ValueError(), True),
        (Retry(), DirtyExit(), True),
        (Retry(), JobTimeout(), True),
        (Retry(), SystemExit(), False),
        (Retry(on=BaseException), SystemExit(), True),
        (Retry(on=OSError), ConnectionError(), True),
        (Retry(on=OSError), ValueError(), False),
        (Retry(on=(OSError, KeyError)), KeyError(), True),
        (Retry(on=(OSError, KeyError)), ValueError(), False),
        (Retry(on=()), ValueError(), False),
        (Retry(give_up_on=ValueError), ValueError(), False),
        (Retry(give_up_on=ValueError), UnicodeError(), False),
        (Retry(give_up_on=ValueError), KeyError(), True),
        (Retry(give_up_on=(ValueError, DirtyExit)), DirtyExit(), False),
        (Retry(on=LookupError, give_up_on=KeyError), IndexError(), True),
        (Retry(on=LookupError, give_up_on=KeyError), KeyError(), False),
    ],
)
def test_only_the_wanted_exceptions_are_retried(
    policy: Retry, error: BaseException, retried: bool
) -> None:
    assert (policy.seconds(1, error) is not None) is retried


NOT_ONE = "must be a whole number, 0 or above, not"

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"limit": -1}, f"limit {NOT_ONE} -1"),
    ({"limit": 2.0}, f"limit {NOT_ONE} 2.0"),
    ({"limit": True}, f"limit {NOT_ONE} True"),
    ({"limit": None}, f"limit {NOT_ONE} None"),
    ({"delay": -0.1}, "delay must be a number from 0 to 1e+09, not -0.1"),
    ({"delay": "15"}, "delay must be a number from 0 to 1e+09, not '15'"),
    ({"delay": math.nan}, "delay must be a number from 0 to 1e+09, not nan"),
    ({"delay": True}, "delay must be a number from 0 to 1e+09, not True"),
    ({"factor": 0.5}, "factor must be a number from 1 to 1e+09, not 0.5"),
    ({"factor": math.inf}, "factor must be a number from 1 to 1e+09, not inf"),
    ({"max_delay": math.inf}, "max_delay must be a number from 0 to 1e+09, not inf"),
    ({"max_delay": 1e10}, "max_delay must be a number from 0 to 1e+09, not 10000000000.0"),
    ({"jitter": 1.1}, "jitter must be a number from 0 to 1, not 1.1"),
    ({"jitter": -1}, "jitter must be a number from 0 to 1, not -1"),
    ({"on": "ValueError"}, "on must be an exception class or a tuple of them, not 'ValueError'"),
    ({"on": int}, "on must be an exception class or a tuple of them, not <class 'int'>"),
    ({"on": None}, "on must be an exception class or a tuple of them, not None"),
    ({"on": (OSError, 1)}, "on must be an exception class or a tuple of them, not (<class "
     "'OSError'>, 1)"),
    ({"give_up_on": [OSError]}, "give_up_on must be an exception class or a tuple of them, not "
     "[<class 'OSError'>]"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "said"), WRONG, ids=lambda found: str(found)[:40])
def test_a_wrong_argument_is_refused_in_one_sentence(given: dict[str, Any], said: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        Retry(**given)

    assert str(caught.value) == said


ARGUMENTS = (
    "Write {'limit': 5}; the arguments are limit, delay, factor, max_delay, jitter, on, give_up_on."
)


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        ({"limit": -1}, f"limit {NOT_ONE} -1."),
        ({"factor": 10**400}, "factor must be a number from 1 to 1e+09, not 1000"),
        ({"on": "ValueError"}, "on must be an exception class or a tuple of them"),
        ({"tries": 3}, ARGUMENTS),
        ({1: 3}, ARGUMENTS),
        (3, ARGUMENTS),
        ([3], ARGUMENTS),
        (Retry(), ARGUMENTS),
    ],
    ids=lambda found: str(found)[:40],
)
def test_a_wrong_setting_names_its_cause(settings: Settings, given: Any, cause: str) -> None:
    settings.RESQUE = {"RETRY": given}

    with pytest.raises(ImproperlyConfigured) as caught:
        conf.options()
    (found,) = checks.check_settings()

    assert str(caught.value).startswith("RESQUE['RETRY'] must be a dict of the arguments of Retry")
    assert cause in str(caught.value)
    assert found.id == "django_resque.E001"
    assert cause in str(found.hint)


@pytest.mark.parametrize(
    ("given", "policy"),
    [
        ({}, None),
        ({"RETRY": None}, None),
        ({"RETRY": {}}, Retry()),
        ({"RETRY": {"limit": 0}}, Retry(limit=0)),
        ({"RETRY": {"limit": 5, "on": OSError}}, Retry(limit=5, on=OSError)),
    ],
)
def test_the_setting_is_the_policy_of_the_site(
    settings: Settings, given: dict[str, Any], policy: Retry | None
) -> None:
    settings.RESQUE = given

    assert checks.check_settings() == []
    assert conf.options().retry == policy


@pytest.mark.parametrize("given", [3, True, {"limit": 3}, Retry, "Retry()"], ids=str)
def test_a_job_whose_retry_is_something_else_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match=r"The job .*fetch has the retry .*; it must be a Retry\("):

        @job(retry=given)
        def fetch() -> None: ...


@pytest.mark.parametrize("given", ["5", None, True, math.nan, -1, 1e10])
def test_retry_later_takes_seconds(given: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=r"^RetryLater takes .*seconds.*, not .*$"):
        RetryLater(given)


# What becomes of a failure.


def policed(policy: Retry | None, name: str = "policed") -> None:
    """Register a job of this policy."""

    class Policed(Job):
        retry = policy

        def perform(self, *args: Any) -> None: ...

    registry._registry[name] = Policed


def held(name: str = "policed", attempt: int = 1) -> Reservation:
    payload = Payload.new(name, [], ID, 1.5).with_attempt(attempt)
    return Reservation(WORKER, "mail", "", "t", "{", payload)


def attempts(outcome: Outcome) -> int | None:
    """Which attempt comes next."""
    return outcome.again.payload.attempt if outcome.again else None


SITE = Retry(limit=5)


@pytest.mark.parametrize(
    ("own", "site", "error", "following"),
    [
        (None, None, ValueError(), None),
        (Retry(), None, ValueError(), 2),
        (None, SITE, ValueError(), 2),
        (Retry(limit=0), SITE, ValueError(), None),
        (Retry(on=OSError), SITE, ValueError(), None),
        (Retry(), SITE, GiveUp("no such card"), None),
        (None, None, RetryLater(5), 1),
        (Retry(limit=0), None, RetryLater(5), 1),
        (Retry(on=OSError), None, RetryLater(5), 1),
        (Retry(), None, DirtyExit(), 2),
        (Retry(), None, JobTimeout(), 2),
        (Retry(), None, SystemExit(), None),
    ],
)
def test_the_jobs_own_policy_comes_before_that_of_the_site(
    own: Retry | None, site: Retry | None, error: BaseException, following: int | None
) -> None:
    policed(own)

    outcome = verdict(held(), error, site)

    assert attempts(outcome) == following
    assert (outcome.failure is None) is (following is not None)


def test_a_retry_is_not_due_before_its_delay() -> None:
    policed(Retry(delay=100, jitter=0))
    before = time.time()

    first, second = (verdict(held(attempt=n), ValueError(), None) for n in (1, 2))

    assert before + 100 <= first.due <= time.time() + 101
    assert before + 200 <= second.due <= time.time() + 201


def test_a_job_that_is_not_registered_here_is_not_tried_again() -> None:
    for error in (DirtyExit("died"), RetryLater(5)):
        outcome = verdict(held("Ruby::Job"), error, SITE)

        assert outcome.again is None
        assert outcome.failure is not None


@pytest.mark.parametrize("raw", ["", "[1]", '{"args":[]}', '{"class":"policed","args":[\udcff]}'])
def test_a_payload_that_cannot_be_read_is_not_tried_again(raw: str) -> None:
    policed(Retry())

    outcome, error = execution.perform(
        Reservation(WORKER, "mail", "", "t", "{", Payload.read(raw)), Guard(), SITE
    )

    assert type(error).__name__ == "InvalidPayload"
    assert outcome is not None
    assert outcome.again is None
    assert outcome.failure is not None


def nested(depth: int) -> Payload:
    return Payload.read(f'{{"class":"policed","args":{"[" * depth}{"]" * depth}}}')


def test_a_payload_as_deep_as_can_be_read_is_tried_again_whole_or_fails() -> None:
    """Where more of the stack is used than when it was read, it may be too deep to be cut."""
    policed(Retry())
    depth = next(depth for depth in range(5000, 0, -1) if not nested(depth).problem)
    payload = nested(depth)

    def judged(deeper: int) -> Outcome:
        if deeper:
            return judged(deeper - 1)
        return verdict(Reservation(WORKER, "mail", "", "t", "{", payload), ValueError(), None)

    for deeper in (0, 40):
        outcome = judged(deeper)

        text = outcome.again.raw if outcome.again else str(outcome.failure)
        assert "[" * depth in text


# retry.lua


@pytest.fixture
def worker(store: Store) -> str:
    """A registered worker."""
    assert store.register(WORKER, ABOUT) is None
    return WORKER


def payload(name: str = "X", job_id: str = ID) -> Payload:
    return Payload.new(name, [1], job_id, 1795218367.5)


def take(*queues: str) -> Take:
    return Take.new(WORKER, queues or ("mail",))


def reserved(store: Store) -> Reservation:
    found = store.reserve(take())
    assert isinstance(found, Reservation)
    return found


def again(found: Reservation, seconds: int = 1000) -> Outcome:
    item = Item.again(found.queue, found.payload.with_attempt(2))
    return Outcome(again=item, due=int(time.time()) + seconds)


def text(redis: Redis, key: str) -> str:
    value = redis.get(key)
    return value.decode() if isinstance(value, bytes) else str(value)


def elements(redis: Redis, key: str = "queue:mail") -> list[str]:
    """Of a list."""
    found: Any = redis.lrange(f"resque:{key}", 0, -1)
    return [raw.decode() for raw in found]


def delayed(redis: Redis) -> dict[int, list[dict[str, Any]]]:
    """What waits in the delayed set, by due time."""
    due: Any = redis.zrange("resque:delayed_queue_schedule", 0, -1)
    return {int(at): list(map(json.loads, elements(redis, f"delayed:{int(at)}"))) for at in due}


def test_a_retry_waits_in_the_delayed_set(store: Store, redis: Redis, worker: str) -> None:
    store.push([Parcel("mail", payload())])
    found = reserved(store)
    outcome = again(found)

    assert store.settle(found, outcome) == (True, "idle")

    assert delayed(redis) == {
        outcome.due: [
            {
                "class": "X",
                "args": [1],
                "attempt": 2,
                "id": ID,
                "prefix": "",
                "queue_time": 1795218367.5,
                "queue": "mail",
            }
        ]
    }
    assert redis.zscore("resque:delayed_queue_schedule", str(outcome.due)) == outcome.due
    item = outcome.again.raw if outcome.again else ""
    assert redis.smembers(f"resque:timestamps:{item}") == {f"delayed:{outcome.due}".encode()}
    assert not redis.exists(RECORD, "resque:stat:processed", "resque:stat:failed", "resque:failed")
    assert text(redis, "resque:stat:retried") == "1"


def test_a_tracked_job_waits_again_for_as_long_as_it_takes(
    store: Store, redis: Redis, worker: str
) -> None:
    store.push([Parcel("mail", payload())])
    found = reserved(store)
    started = json.loads(text(redis, STATUS))["started"]

    store.settle(found, again(found, 30 * 86400))

    status = json.loads(text(redis, STATUS))
    assert (status["status"], status["started"], status["result"]) == (1, started, None)
    expected = 30 * 86400 + UNENDED_TTL
    assert expected - 60 < redis.ttl(STATUS) <= expected


def test_a_retry_does_not_begin_to_track(store: Store, redis: Redis, worker: str) -> None:
    redis.rpush("resque:queue:mail", payload().raw)
    found = reserved(store)

    store.settle(found, again(found))

    assert not redis.exists(STATUS)


def test_settling_a_retry_takes_the_next_job_in_the_same_step(store: Store, worker: str) -> None:
    store.push([Parcel("mail", payload(job_id=number * 32)) for number in "ab"])
    found = reserved(store)

    settled, following = store.settle(found, again(found), take())

    assert settled is True
    assert isinstance(following, Reservation)
    assert following.payload.id == "b" * 32
    assert store.in_hand(WORKER) == following


def everything(redis: Redis) -> dict[str, Any]:
    """Every key, as it is dumped."""
    return {key: redis.dump(key) for key in names(redis.keys("*"))}


def test_a_retry_that_is_settled_again_changes_nothing_and_answers_the_same(
    store: Store, redis: Redis, worker: str
) -> None:
    store.push([Parcel("mail", payload(job_id=number * 32)) for number in "abc"])
    found, wanted = reserved(store), take()
    outcome = again(found)
    first = store.settle(found, outcome, wanted)
    before = everything(redis)

    second = store.settle(found, outcome, wanted)

    assert second == first
    assert everything(redis) == before
    assert len(delayed(redis)[outcome.due]) == 1
    assert text(redis, "resque:stat:retried") == "1"


def test_without_a_wish_for_another_job_a_retry_that_is_settled_again_is_ours_too(
    store: Store, redis: Redis, worker: str
) -> None:
    store.push([Parcel("mail", payload())])
    found = reserved(store)
    outcome = again(found)
    store.settle(found, outcome)

    assert store.settle(found, outcome) == (True, "idle")

    assert len(delayed(redis)[outcome.due]) == 1


def test_a_worker_that_was_given_up_cannot_settle_a_retry(
    store: Store, redis: Redis, worker: str
) -> None:
    store.push([Parcel("mail", payload())])
    found = reserved(store)
    store.give_up(WORKER, found, Outcome(Failure.of(DirtyExit("died"), found, 1.0)))
    before = everything(redis)

    assert store.settle(found, again(found), take()) == (False, "unregistered")

    assert everything(redis) == before
    assert delayed(redis) == {}


@pytest.mark.parametrize("key", ["delayed:{due}", "delayed_queue_schedule", "workers:settled"])
def test_where_a_retry_cannot_be_written_the_job_stays_in_hand(
    store: Store, redis: Redis, worker: str, key: str
) -> None:
    store.push([Parcel("mail", payload())])
    found = reserved(store)
    outcome = again(found)
    redis.set(f"resque:{key.format(due=outcome.due)}", "no list, set or hash")
    before = everything(redis)

    with pytest.raises(ResponseError, match="WRONGTYPE"):
        store.settle(found, outcome)

    assert everything(redis) == before
    assert store.in_hand(WORKER) == found


@pytest.mark.parametrize("key", ["stat:retried", "timestamps:{item}", "job:{id}:status"])
def test_what_is_only_told_of_a_retry_may_be_anything(
    store: Store, redis: Redis, worker: str, key: str
) -> None:
    store.push([Parcel("mail", payload())])
    found = reserved(store)
    outcome = again(found)
    item = outcome.again.raw if outcome.again else ""
    broken = f"resque:{key.format(item=item, id=ID)}"
    redis.delete(broken)
    redis.lpush(broken, "a list")

    assert store.settle(found, outcome)[0] is True

    assert len(delayed(redis)[outcome.due]) == 1
    assert store.in_hand(WORKER) is None


@pytest.fixture
def full(redis: Redis) -> Iterator[Callable[[], None]]:
    """Makes Redis full: it refuses what adds, and must still be drained."""
    before = str(redis.config_get("maxmemory")["maxmemory"])

    def fill() -> None:
        redis.config_set("maxmemory", 1)

    yield fill
    redis.config_set("maxmemory", before)


def test_a_full_redis_takes_retries(
    store: Store, redis: Redis, worker: str, full: Callable[[], None]
) -> None:
    store.push([Parcel("mail", payload(job_id=number * 32)) for number in "ab"])
    found = reserved(store)
    full()
    with pytest.raises(ResponseError, match=r"OOM|maxmemory"):
        store.push([Parcel("mail", payload())])

    settled, following = store.settle(found, again(found), take())

    assert settled is True
    assert isinstance(following, Reservation)
    assert store.give_up(WORKER, following, again(following)) == "gone"
    assert sum(map(len, delayed(redis).values())) == 2


# give_up.lua, where the job is to be tried again


def test_a_worker_that_is_given_up_leaves_its_job_to_be_tried_again_and_no_key(
    store: Store, redis: Redis, worker: str
) -> None:
    store.push([Parcel("mail", payload())])
    found = reserved(store)
    outcome = again(found)
    item = outcome.again.raw if outcome.again else ""

    assert store.give_up(WORKER, found, outcome) == "gone"

    assert names(redis.keys("*")) == [
        f"resque:delayed:{outcome.due}", "resque:delayed_queue_schedule", STATUS, "resque:queues",
        "resque:stat:retried", f"resque:timestamps:{item}",
    ]  # fmt: skip
    assert [found["attempt"] for found in delayed(redis)[outcome.due]] == [2]
    assert '"status":1' in text(redis, STATUS)
    assert UNENDED_TTL + 900 < redis.ttl(STATUS) <= UNENDED_TTL + 1000


def test_of_a_worker_that_is_alive_no_job_is_tried_again(
    store: Store, redis: Redis, worker: str
) -> None:
    store.push([Parcel("mail", payload())])
    found = reserved(store)
    before = everything(redis)

    assert store.give_up(WORKER, found, again(found), lease="1") == "alive"

    assert everything(redis) == before


def test_giving_up_twice_tries_the_job_again_once(store: Store, redis: Redis, worker: str) -> None:
    store.push([Parcel("mail", payload())])
    found = reserved(store)
    outcome = again(found)
    store.give_up(WORKER, found, outcome)

    assert store.give_up(WORKER, found, outcome) == "changed"

    assert len(delayed(redis)[outcome.due]) == 1
    assert text(redis, "resque:stat:retried") == "1"


@pytest.mark.parametrize("key", ["delayed:{due}", "delayed_queue_schedule"])
def test_where_its_retry_cannot_be_written_a_worker_is_not_given_up(
    store: Store, redis: Redis, worker: str, key: str
) -> None:
    store.push([Parcel("mail", payload())])
    found = reserved(store)
    outcome = again(found)
    redis.set(f"resque:{key.format(due=outcome.due)}", "no list, no set")
    before = everything(redis)

    with pytest.raises(ResponseError, match="WRONGTYPE"):
        store.give_up(WORKER, found, outcome)

    assert everything(redis) == before


# From failure to success, or to the end. A worker of these tests performs in this process.


@pytest.fixture
def heard() -> Iterator[list[tuple[str, int, str]]]:
    """Name, attempt and exception of every signal about an end."""
    found: list[tuple[str, int, str]] = []

    def receiver(name: str) -> Callable[..., None]:
        def receive(*, job: Job, exception: BaseException | None = None, **_: Any) -> None:
            found.append((name, job.attempt, str(exception or "")))

        return receive

    receivers = {name: receiver(name) for name in ("job_succeeded", "job_failed", "job_retried")}
    for name, each in receivers.items():
        getattr(signals, name).connect(each)
    yield found
    for name, each in receivers.items():
        getattr(signals, name).disconnect(each)


def work(store: Store, queue: str = "mail", site: Retry | None = None) -> Payload:
    """As a worker does it: take the next job, perform it, settle it. Answers what was taken."""
    found = store.reserve(Take.new(WORKER, [queue]))
    assert isinstance(found, Reservation)
    outcome, _ = execution.perform(found, Guard(), site)
    assert outcome is not None
    assert store.settle(found, outcome)[0] is True
    return found.payload


def promoted(store: Store) -> None:
    """Waits until what is to be tried again is in its queue."""
    wait_for(store.promote, "the retry is promoted")


def hastened(store: Store, redis: Redis) -> None:
    """Does not wait: promotes what is to be tried again before its time."""
    for due in delayed(redis):
        items = [Item.read(raw) for raw in elements(redis, f"delayed:{due}")]
        assert store._promote(str(due), items) == 1
        store._forget_due(str(due))


def failures(redis: Redis) -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in elements(redis, "failed")]


class Trying(Job, abstract=True):
    """Fails until its last attempt, and writes down how it went."""

    queue = "mail"
    seen: list[str]

    def perform(self, last: int, *args: Any) -> list[Any]:
        self.seen.append(f"try {self.attempt}")
        if self.attempt < last:
            raise ValueError(f"failed at {self.attempt}")
        return [self.attempt, *args]

    def on_failure(self, exception: BaseException) -> None:
        self.seen.append(f"on_failure {self.attempt} {exception}")


def trying(policy: Retry | None = AT_ONCE) -> type[Trying]:
    class Found(Trying):
        name = "trying"
        seen: list[str] = []
        retry = policy

    return Found


def test_a_job_that_failed_once_succeeds_at_its_second_attempt(
    store: Store, redis: Redis, worker: str, heard: list[tuple[str, int, str]]
) -> None:
    kind = trying()
    handle = enqueue(kind, 2)

    work(store)
    assert handle.status == "waiting"
    assert [item["attempt"] for (item,) in delayed(redis).values()] == [2]
    promoted(store)
    assert handle.status == "waiting"
    work(store)

    assert kind.seen == ["try 1", "try 2"]
    assert (handle.status, handle.result) == ("complete", [2])
    assert heard == [("job_retried", 1, "failed at 1"), ("job_succeeded", 2, "")]
    assert text(redis, "resque:stat:processed") == "1"
    assert text(redis, "resque:stat:retried") == "1"
    assert not redis.exists("resque:failed", "resque:stat:failed", "resque:delayed_queue_schedule")
    assert redis.keys("resque:timestamps*") == []


def test_a_job_that_fails_each_time_is_one_failure_at_the_end(
    store: Store, redis: Redis, worker: str, heard: list[tuple[str, int, str]]
) -> None:
    kind = trying()
    handle = enqueue(kind, 99)

    for _ in range(2):
        work(store)
        assert not redis.exists("resque:failed")
        hastened(store, redis)
    work(store)

    assert kind.seen == ["try 1", "try 2", "try 3", "on_failure 3 failed at 3"]
    (failure,) = failures(redis)
    assert failure["error"] == "failed at 3"
    assert (failure["payload"]["attempt"], failure["payload"]["id"]) == (3, handle.id)
    assert handle.status == "failed"
    assert heard == [
        ("job_retried", 1, "failed at 1"),
        ("job_retried", 2, "failed at 2"),
        ("job_failed", 3, "failed at 3"),
    ]
    counted = [text(redis, f"resque:stat:{name}") for name in ("retried", "failed", "processed")]
    assert counted == ["2", "1", "1"]
    assert delayed(redis) == {}


def test_the_policy_of_the_site_retries_jobs_that_have_none(
    store: Store, redis: Redis, worker: str
) -> None:
    kind = trying(None)
    handle = enqueue(kind, 2)

    work(store, site=AT_ONCE)
    hastened(store, redis)
    work(store, site=AT_ONCE)

    assert handle.result == [2]


def foreign() -> list[Any]:
    """Of each peer the payload with the most in it."""
    found: dict[str, str] = {}
    for peer, _, raw in recorded.payloads():
        found[peer] = max(found.get(peer, ""), raw, key=len)
    return [pytest.param(raw, id=peer) for peer, raw in found.items()]


@pytest.mark.parametrize("raw", foreign())
def test_another_clients_payload_keeps_its_id_its_fields_and_its_arguments(
    store: Store, redis: Redis, worker: str, raw: str
) -> None:
    sent = json.loads(raw)
    registry._registry[sent["class"]] = trying()
    if sent.get("id"):
        status = "_".join(filter(None, [sent.get("prefix"), sent["id"]]))
        redis.set(f"resque:job:{status}:status", '{"status":1,"updated":1,"started":1}')
    fields = '"extra":{"é":[12345678901234567890,1.50]},"class":'
    redis.rpush("resque:queue:mail", raw.replace('"class":', fields))

    assert work(store).attempt == 1
    if sent.get("id"):
        assert '"status":1' in text(redis, f"resque:job:{status}:status")
    hastened(store, redis)
    (found,) = elements(redis)
    second = reserved(store).payload

    expected = {**sent, "extra": {"é": [12345678901234567890, 1.5]}, "attempt": 2}
    assert json.loads(found) == expected
    assert "[12345678901234567890,1.50]" in found
    assert (second.attempt, second.id) == (2, sent.get("id", ""))
    if sent.get("id"):
        assert '"status":2' in text(redis, f"resque:job:{status}:status")


ODD_ARGS = r'[99, [], {}, 12345678901234567890, 1e3, "é\/\u00e9 \ud83d\ude00"]'
ODD = f'{{"class": "trying", "args": {ODD_ARGS}}}'


def test_arguments_survive_byte_for_byte(store: Store, redis: Redis, worker: str) -> None:
    trying()
    redis.rpush("resque:queue:mail", ODD)

    for attempt in (2, 3):
        work(store)
        hastened(store, redis)
        (found,) = elements(redis)
        assert found == f'{{"class":"trying","args":{ODD_ARGS},"attempt":{attempt}}}'
    work(store)

    (raw,) = elements(redis, "failed")
    assert f'"args":{ODD_ARGS}' in raw


def test_without_a_policy_a_failure_keeps_its_payload_byte_for_byte(
    store: Store, redis: Redis, worker: str
) -> None:
    trying(None)
    redis.rpush("resque:queue:mail", ODD)

    work(store)

    (raw,) = elements(redis, "failed")
    assert f'"payload":{ODD}' in raw


@pytest.mark.parametrize("attempt", ["0", "-1", "1", "true", '"4"', "2.5", "[3]", "null"])
def test_what_cannot_be_an_attempt_is_the_first(attempt: str) -> None:
    found = Payload.read(f'{{"class":"X","args":[],"attempt":{attempt}}}')

    assert found.attempt == 1
    assert json.loads(found.with_attempt(2).raw) == {"class": "X", "args": [], "attempt": 2}


def test_retry_later_spends_no_attempt_however_often(
    store: Store, redis: Redis, worker: str, heard: list[tuple[str, int, str]]
) -> None:
    calls: list[int] = []

    @job(queue="mail", name="later", retry=Retry(limit=0))
    def later() -> str:
        calls.append(1)
        if len(calls) <= 50:
            raise RetryLater(0)
        return "at last"

    found = held("later")
    for _ in range(49):
        outcome, _ = execution.perform(found, Guard())
        assert outcome is not None
        assert outcome.again is not None
        assert outcome.again.payload.raw == found.payload.raw
        found = Reservation(WORKER, "mail", "", "t", "{", outcome.again.payload)
    handle = enqueue(later)
    before = elements(redis)
    work(store)
    hastened(store, redis)

    assert elements(redis) == before
    assert work(store).attempt == 1
    assert (handle.status, handle.result) == ("complete", "at last")
    assert heard == [("job_retried", 1, "again in 0 s")] * 50 + [("job_succeeded", 1, "")]
    assert not redis.exists("resque:failed")


def test_retry_later_waits_so_long() -> None:
    policed(Retry(delay=1))
    before = time.time()

    outcome = verdict(held(attempt=3), RetryLater(500), None)

    assert before + 500 <= outcome.due <= time.time() + 501
    assert attempts(outcome) == 3


def test_give_up_fails_at_once(store: Store, redis: Redis, worker: str) -> None:
    @job(queue="mail", retry=AT_ONCE)
    def charge() -> None:
        raise GiveUp("no such card")

    handle = enqueue(charge)
    work(store)

    (failure,) = failures(redis)
    assert (failure["exception"], failure["error"]) == ("GiveUp", "no such card")
    assert handle.status == "failed"
    assert delayed(redis) == {}


def test_an_interrupted_job_costs_no_attempt_whatever_its_policy() -> None:
    guard = Guard()

    @job(name="interrupted", retry=AT_ONCE)
    def interrupted() -> None:
        guard.interrupt()

    outcome, _ = execution.perform(held("interrupted", attempt=2), guard)

    assert outcome is None


def test_a_job_that_was_let_go_of_goes_back_as_it_was(
    store: Store, redis: Redis, worker: str
) -> None:
    """Its process was killed for a stop: see Child.lets_go_of."""
    policed(AT_ONCE)
    raw = held(attempt=2).payload.raw
    redis.rpush("resque:queue:mail", raw)
    reserved(store)

    clock.answer_for(store, WORKER, lambda token: True, DirtyExit("killed"), clock.End(SITE))

    assert elements(redis) == [raw]
    assert delayed(redis) == {}


def test_a_handle_waits_for_a_job_through_its_retries(
    store: Store, redis: Redis, worker: str
) -> None:
    trying(Retry(limit=1, delay=0, jitter=0))
    handle = enqueue_to("mail", "trying", 99)
    work(store)

    with pytest.raises(TimeoutError, match="it is waiting"):
        handle.wait(0)
    hastened(store, redis)
    work(store)

    with pytest.raises(JobFailed):
        handle.wait(5)


@pytest.mark.parametrize("track", [True, False])
def test_a_job_that_waits_for_its_retry_can_be_cancelled(
    store: Store, redis: Redis, worker: str, track: bool
) -> None:
    kind = trying(Retry(delay=1000))
    handle = kind.options(track=track).enqueue(99)
    work(store)

    assert handle.cancel() is True

    assert handle.cancel() is False
    assert handle.status is None
    assert delayed(redis) == {}
    assert redis.keys("resque:delayed*") == redis.keys("resque:timestamps*") == []


def test_a_failure_that_an_operator_retries_begins_anew(
    store: Store, redis: Redis, worker: str
) -> None:
    kind = trying(Retry(limit=3, delay=0, jitter=0))
    handle = enqueue(kind, 99)
    (original,) = elements(redis)
    fourth = Payload.read(original).with_attempt(4)
    redis.lset("resque:queue:mail", 0, fourth.raw)
    work(store)
    (raw,) = elements(redis, "failed")
    assert json.loads(raw)["payload"]["attempt"] == 4

    assert store.requeue(Failure.decode(raw)) is True

    assert elements(redis) == [original]
    assert handle.status == "waiting"
    assert work(store).attempt == 1
    assert handle.status == "waiting"
    assert [item["attempt"] for (item,) in delayed(redis).values()] == [2]


def test_inline_retries_nothing_and_raises_the_error(settings: Settings, redis: Redis) -> None:
    settings.RESQUE = {"INLINE": True, "RETRY": {"limit": 5, "delay": 0}}
    kind = trying()

    with pytest.raises(ValueError, match="failed at 1"):
        enqueue(kind, 2)

    assert kind.seen[0] == "try 1"
    assert "try 2" not in kind.seen
    assert redis.keys("*") == []


# A process that died with its job, answered for by another supervisor.


def dead(store: Store, name: str = "policed") -> Reservation:
    """A worker whose process is gone, with a job in hand."""
    store.register(WORKER, ABOUT)
    redis_payload = Payload.new(name, [], ID, 1.5)
    store.push([Parcel("mail", redis_payload)])
    return reserved(store)


def told() -> tuple[list[tuple[str, str]], Callable[[Reservation, Exception], None]]:
    """Of whom is told that a job has failed, with what."""
    found: list[tuple[str, str]] = []
    return found, lambda lost, error: found.append((lost.payload.id, str(error)))


def give_up_silent(store: Store, end: clock.End) -> None:
    watch, now = clock.Watch(), time.monotonic()
    for ago in range(20, 0, -5):
        watch.silent(store.leases(), now - ago)
    clock.give_up_silent(store, watch, own=[], end=end)


def give_up_orphans(store: Store, end: clock.End) -> None:
    clock.give_up_orphans(store, "machine", lambda pid, birth: True, end)


@pytest.mark.parametrize("give_up", [give_up_silent, give_up_orphans])
@pytest.mark.parametrize(("own", "site"), [(AT_ONCE, None), (None, AT_ONCE)])
def test_another_supervisor_tries_the_job_of_a_dead_worker_again(
    store: Store, redis: Redis, give_up: Any, own: Retry | None, site: Retry | None
) -> None:
    policed(own)
    dead(store)
    found, failed = told()

    give_up(store, clock.End(site, failed))

    assert [item["attempt"] for (item,) in delayed(redis).values()] == [2]
    assert found == []
    assert failures(redis) == []
    assert store.leases() == {}
    assert job_status(ID).status == "waiting"


@pytest.mark.parametrize("give_up", [give_up_silent, give_up_orphans])
@pytest.mark.parametrize("name", ["policed", "registered.elsewhere"])
def test_without_a_policy_that_it_knows_it_records_a_failure_and_tells_once(
    store: Store, redis: Redis, give_up: Any, name: str
) -> None:
    policed(Retry(limit=0))
    dead(store, name)
    found, failed = told()

    give_up(store, clock.End(AT_ONCE, failed))
    give_up(store, clock.End(AT_ONCE, failed))

    (failure,) = failures(redis)
    assert failure["exception"] == "DirtyExit"
    assert found == [(ID, failure["error"])]
    assert delayed(redis) == {}


# Processes.


def lines(trace: Path) -> list[list[str]]:
    return (
        [line.split(" ") for line in trace.read_text("utf-8").splitlines()]
        if trace.exists()
        else []
    )


def tries(trace: Path) -> list[str]:
    """The attempts that were begun."""
    return [line[1] for line in lines(trace) if line[0] == "try"]


def mourned(trace: Path) -> list[list[str]]:
    """Exception, attempt, failures by then and pid of each on_failure."""
    return [line[1:] for line in lines(trace) if line[0] == "on_failure"]


WAYS = pytest.mark.parametrize("way", [(), ("--fork-per-job",)], ids=["kept", "forked"])


@WAYS
def test_a_worker_tries_again_until_it_succeeds(
    farm: Farm, redis: Redis, trace: Path, way: tuple[str, ...]
) -> None:
    handle = enqueue(jobs.Persistent, str(trace), 2)
    work = farm("resque_work", "--queue=slow", *way)

    assert handle.wait(15) == 2

    assert tries(trace) == ["1", "2"]
    assert mourned(trace) == []
    assert f"{handle.id} retry in " in work.output
    assert "stumbled at 1" in work.output
    assert "Traceback" not in work.output
    assert not redis.exists("resque:failed")


@WAYS
def test_what_kills_its_process_each_time_ends_as_one_failure_and_holds_up_nobody(
    farm: Farm, redis: Redis, trace: Path, tmp_path: Path, way: tuple[str, ...]
) -> None:
    handle = enqueue(jobs.Persistent, str(trace), 99, "kill")
    other = tmp_path / "other"
    enqueue_to("slow", jobs.note, str(other))
    work = farm("resque_work", "--queue=slow", *way)

    with pytest.raises(JobFailed):
        handle.wait(20)

    assert tries(trace) == ["1", "2", "3"]
    assert other.read_text("utf-8") == "ran\n"
    (failure,) = failures(redis)
    assert failure["exception"] == "DirtyExit"
    assert "was killed by SIGKILL" in failure["error"]
    assert failure["payload"]["attempt"] == 3
    wait_for(lambda: mourned(trace), "on_failure is called")
    ((kind, attempt, _, pid),) = mourned(trace)
    assert (kind, attempt) == ("DirtyExit", "3")
    assert int(pid) != work.pid
    work.send(signal.SIGTERM)
    assert work.ends() == 0, work.output
    assert len(mourned(trace)) == 1
    assert redis.get("resque:stat:retried") == b"2"
    assert redis.get("resque:stat:failed") == b"1"


def test_without_a_policy_a_killed_process_is_a_failure_at_once_and_its_class_is_told(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    handle = enqueue(jobs.Fragile, str(trace), 99, "kill")

    work = farm("resque_work", "--queue=slow", "--burst")

    assert work.ends() == 0, work.output
    assert tries(trace) == ["1"]
    ((kind, attempt, recorded_by_then, pid),) = mourned(trace)
    assert (kind, attempt) == ("DirtyExit", "1")
    assert recorded_by_then == "1"
    assert int(pid) not in [work.pid, int(lines(trace)[0][2])]
    assert handle.status == "failed"
    assert len(failures(redis)) == 1


def test_what_does_not_heed_its_timeout_is_killed_and_tried_again(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    handle = enqueue(jobs.Persistent, str(trace), 2, "late")
    farm("resque_work", "--queue=slow")

    assert handle.wait(15) == 2

    first, second = (line[2] for line in lines(trace) if line[0] == "try")
    assert first != second
    assert not redis.exists("resque:failed")
    assert mourned(trace) == []


def test_the_job_of_a_dead_supervisor_is_tried_again_by_the_next(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    handle = enqueue(jobs.Persistent, str(trace), 2, "late")
    killed = farm("resque_work", "--queue=slow")
    wait_for(lambda: tries(trace), "the job's begin")
    killed.send(signal.SIGKILL)
    killed.ends()
    for pid in killed.worker_pids():
        gone(pid)

    farm("resque_work", "--queue=slow")

    assert handle.wait(15) == 2
    assert tries(trace) == ["1", "2"]
    assert redis.get("resque:stat:retried") == b"1"
    assert not redis.exists("resque:failed")


def test_an_on_failure_that_does_not_end_blocks_neither_work_nor_stop(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    enqueue(jobs.Inconsolable, str(trace), 600, "kill")
    work = farm("resque_work", "--queue=slow", RESQUE_STOP_TIMEOUT="3")
    wait_for(lambda: mourned(trace), "on_failure is called")
    began = time.monotonic()
    mourner = int(mourned(trace)[0][3])

    handle = enqueue(jobs.Persistent, str(trace), 1)
    assert handle.wait(2.8) == 1
    assert Path(f"/proc/{mourner}").exists()
    work.send(signal.SIGTERM)

    assert work.ends(10) == 0, work.output
    assert time.monotonic() - began < 3 + 4
    gone(mourner)
    assert len(mourned(trace)) == 1


def test_an_on_failure_may_end_before_its_supervisor_does(farm: Farm, trace: Path) -> None:
    enqueue(jobs.Inconsolable, str(trace), 1.2, "kill")

    work = farm("resque_work", "--queue=slow", "--burst")

    assert work.ends() == 0, work.output
    assert lines(trace)[-1] == ["over", "it"]


def mourning(error: DirtyExit, raw: str) -> dict[int, float]:
    """The processes that a supervisor starts to tell of this failure."""
    order = Order(conf.options(), ("mail",), print, print)
    found = supervisor.Supervisor(conf.store(), order)
    found.mourn(Reservation(WORKER, "mail", "", "t", "{", Payload.read(raw)), error)
    started = dict(found.crew.errands)
    wait_for(lambda: not list(found.crew.reap()) and not found.crew.errands, "all have ended")
    found.crew.close()
    return started


def test_a_process_is_started_only_where_somebody_is_to_be_told(trace: Path) -> None:
    told_of = json.dumps({"class": jobs.Fragile.name, "args": [str(trace), 2]})

    assert mourning(DirtyExit(), json.dumps({"class": jobs.note.job.name, "args": []})) == {}
    assert mourning(DirtyExit(), '{"class":"Ruby::Job","args":[]}') == {}
    assert mourning(DirtyExit(), "[1]") == {}
    (pid,) = mourning(DirtyExit(), told_of)

    assert mourned(trace) == [["DirtyExit", "1", "0", str(pid)]]


def test_a_receiver_of_job_failed_is_somebody_to_be_told() -> None:
    def receive(**kwargs: Any) -> None: ...

    raw = json.dumps({"class": jobs.note.job.name, "args": []})
    signals.job_failed.connect(receive)
    try:
        started = mourning(DirtyExit(), raw)
    finally:
        signals.job_failed.disconnect(receive)

    assert len(started) == 1


# Ends that are no ends of a try.


def test_a_job_in_its_own_process_is_mourned_after_its_record(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    enqueue(jobs.Fragile, str(trace), 600, "kill")

    work = farm("resque_work", "--queue=slow", "--burst", "--fork-per-job")

    assert work.ends() == 0, work.output
    ((_, _, recorded_by_then, _),) = mourned(trace)
    assert recorded_by_then == "1"


def test_mourning_for_ever_keeps_no_worker_from_its_next_job(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    enqueue(jobs.Inconsolable, str(trace), 600, "kill")
    farm("resque_work", "--queue=slow", "--fork-per-job", RESQUE_STOP_TIMEOUT="600")
    wait_for(lambda: mourned(trace), "the mourning")

    assert len(failures(redis)) == 1
    assert enqueue(jobs.Fragile, str(trace), 1).wait(10) == 1


def test_mourning_for_ever_keeps_no_worker_from_its_end(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    handle = enqueue(jobs.Inconsolable, str(trace), 600, "kill")
    work = farm("resque_work", "--queue=slow", "--fork-per-job", RESQUE_STOP_TIMEOUT="1")
    wait_for(lambda: mourned(trace), "the mourning")

    work.send(signal.SIGTERM)

    assert work.ends(10) == 0, work.output
    assert handle.status == "failed"
    assert len(mourned(trace)) == 1


def test_who_dies_late_in_the_grace_is_mourned_no_longer_than_that(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    enqueue(jobs.Inconsolable, str(trace), 99, "late")
    work = farm("resque_work", "--queue=slow", RESQUE_STOP_TIMEOUT="5")
    wait_for(lambda: tries(trace), "the job")
    work.send(signal.SIGTERM)
    began = time.monotonic()
    wait_for(lambda: time.monotonic() - began > 3, "most of the grace is over")

    os.kill(work.worker_pids()[0], signal.SIGKILL)
    wait_for(lambda: mourned(trace), "the mourning")

    assert work.ends(4) == 0, work.output  # And not 5 seconds and more.


def test_inline_a_job_is_tried_once(
    settings: Settings, redis: Redis, heard: list[tuple[str, int, str]]
) -> None:
    settings.RESQUE = {"INLINE": True}
    kind = trying()

    with pytest.raises(ValueError):
        enqueue(kind, 2)

    assert kind.seen == ["try 1", "on_failure 1 failed at 1"]
    assert heard == [("job_failed", 1, "failed at 1")]


def test_a_failure_that_is_wrapped_begins_anew_too() -> None:
    raw = '{"class":"X","args":["\\ud800"],"attempt":3}'
    held = Reservation(WORKER, "q", "", "t", "{", Payload.read(raw))

    found = Failure.of(ValueError(), held, 1.0)

    assert Payload.read(Failure.decode(found.encode()).original).attempt == 1


def test_what_an_operator_kills_is_not_tried_again(farm: Farm, redis: Redis, trace: Path) -> None:
    handle = enqueue(jobs.Persistent, str(trace), 99, "late")
    work = farm("resque_work", "--queue=slow")
    wait_for(lambda: tries(trace), "the job")

    work.send(signal.SIGUSR1)

    wait_for(lambda: handle.status == "failed", "the failure")
    assert failures(redis)[0]["exception"] == "DirtyExit"


@pytest.mark.parametrize("step", ["settle", "put back"])
def test_settled_tokens_of_the_wrong_type_lose_no_job(
    store: Store, redis: Redis, worker: None, step: str
) -> None:
    store.push([Parcel("mail", payload())])
    found = reserved(store)
    redis.set("resque:workers:settled", "no hash")

    end: dict[str, Callable[[], object]] = {
        "settle": lambda: store.settle(found, Outcome()),
        "put back": lambda: store.put_back(found),
    }
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        end[step]()

    assert store.in_hand(WORKER) == found
