"""
Everything that was recorded of the other clients, read: each dump of theirs is put into Redis
as it was, and shown, performed, promoted, failed and retried by us.

Expectations are taken from what was recorded beside, or written out here by hand; never from
the code under test. Dates are held against the time of the recording.
"""

import html
import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from redis import Redis

from django_resque import (
    clock,
    conf,
    control,
    execution,
    job,
    job_status,
    monitor,
    wire,
)
from django_resque.about import About
from django_resque.dates import instant
from django_resque.errors import DirtyExit, InvalidPayload
from django_resque.execution import Guard
from django_resque.failure import Failure
from django_resque.items import Item
from django_resque.registry import registry
from django_resque.rows import FailureRow
from django_resque.store import Store, Take
from tests import recorded
from tests.conftest import Farm, wait_for
from tests.project import jobs
from tests.recorded import Dump

pytestmark = pytest.mark.django_db

DUMPS = recorded.dumps()
ODD = recorded.odd()
SYSTEMS = sorted({dump.system for dump in DUMPS})

#: The php-resques of the farm: they track jobs.
PHPS = ["php", "php136", "phpcb", "tp3"]

#: How long before its recording anything in a dump can have happened.
LONG = timedelta(minutes=6)

OURS = "here:7:"
ABOUT = About("machine", 7, "1", 6, "0", "0.1.0")


def dump(system: str, scene: str) -> Dump:
    (found,) = (each for each in DUMPS if (each.system, each.scene) == (system, scene))
    return found


def with_key(pattern: str) -> pytest.MarkDecorator:
    """Parametrizes a test by every dump that has such a key."""
    found = [each for each in DUMPS if any(re.fullmatch(pattern, key) for key in each.keys)]
    assert found
    return pytest.mark.parametrize("dump", found, ids=str)


@pytest.fixture
def restore(redis: Redis, settings: Settings) -> Callable[..., Store]:
    """Puts a dump into Redis as it was, or with other keys; answers the store to look with."""

    def put(dump: Dump, namespace: str | None = None) -> Store:
        space = dump.namespace if namespace is None else namespace
        settings.RESQUE = {"NAMESPACE": space}
        for name, fields in dump.keys.items():
            key = f"{space}:{name}" if space else name
            _write(redis, key, fields["type"], fields["value"])
            if fields["ttl"] > 0:
                redis.expire(key, fields["ttl"])
        return conf.store()

    return put


Restore = Callable[..., Store]


def _write(redis: Redis, key: str, kind: str, value: Any) -> None:
    if kind == "string":
        redis.set(key, value)
    elif kind == "list":
        redis.rpush(key, *value)
    elif kind == "set":
        redis.sadd(key, *value)
    elif kind == "hash":
        redis.hset(key, mapping=value)
    else:
        assert kind == "zset"
        redis.zadd(key, dict(value))


@pytest.fixture(autouse=True)
def _scratch() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    before = dict(registry._registry)
    yield
    registry._registry = before


def work_off(store: Store, *queues: str) -> list[str]:
    """Perform what waits as a worker of ours does. Answers each job's payload, or what it got."""
    worker_id, found = OURS + ",".join(queues), []
    store.register(worker_id, ABOUT)
    held = store.reserve(Take.new(worker_id, queues))
    while isinstance(held, wire.Reservation):
        outcome, _ = execution.perform(held, Guard())
        assert outcome
        found.append(outcome.failure.exception if outcome.failure else outcome.result)
        settled, held = store.settle(held, outcome, Take.new(worker_id, queues))
        assert settled
    return found


def queued(store: Store, queue: str) -> list[str]:
    found: Any = store.redis.lrange(store.keys.queue(queue), 0, -1)
    return list(found)


def queues(store: Store) -> list[str]:
    return [row.name for row in monitor.overview(store).queues]


def failures(store: Store) -> list[FailureRow]:
    """Newest first."""
    return monitor.failures(store).rows


def loads(text: str) -> Any:
    """Integers as floats: PHP and JavaScript make floats of the large ones themselves."""
    return json.loads(text, parse_int=float)


def happened(when: datetime | None, dump: Dump) -> bool:
    """Shortly before the recording; but that worker of Ruby's was made up, as an old one."""
    if dump.scene == "heartbeat_prune before":
        return when == datetime(2026, 1, 1, tzinfo=UTC)
    return when is not None and dump.taken_at - LONG <= when <= dump.taken_at + LONG


def test_the_dumps_are_of_every_system_and_every_kind_of_key() -> None:
    assert len(DUMPS) > 200
    assert {*PHPS, "ruby", "node", "pyres", "pyres27", "candidate"} == set(SYSTEMS)


# What is shown.


@pytest.mark.parametrize("dump", DUMPS, ids=str)
def test_the_overview_shows_what_is_there(dump: Dump, restore: Restore) -> None:
    now = monitor.overview(restore(dump))

    ids = set(dump.value("workers", []))
    queues = {name: len(dump.value(f"queue:{name}", [])) for name in dump.value("queues", [])}
    assert {row.id for row in now.workers} == ids
    assert now.running == sum(f"worker:{each}" in dump.keys for each in ids)
    assert {row.name: row.size for row in now.queues} == queues
    assert now.waiting == sum(queues.values())
    assert now.failures == len(dump.value("failed", []))
    assert now.processed == int(dump.value("stat:processed", 0))
    assert now.failed == int(dump.value("stat:failed", 0))
    assert all(problem.level == "warning" for problem in now.problems)


@with_key(r"workers")
def test_every_worker_is_shown_with_its_job_and_dates(dump: Dump, restore: Restore) -> None:
    for row in monitor.overview(restore(dump)).workers:
        record = json.loads(dump.value(f"worker:{row.id}", "null"))
        started = dump.value(f"worker:{row.id}:started")

        assert (row.ours, row.beat_age, row.silent) == (False, None, False)
        assert row.job == (record["payload"]["class"] if record else "")
        assert row.job_id == (record["payload"].get("id", "") if record else "")
        assert row.queue == (record["queue"] if record else "")
        assert happened(row.since, dump) if record else row.since is None
        assert happened(row.started, dump) if started else row.started is None


@with_key(r"worker:(?!ping:).*")
def test_every_record_and_start_is_read_also_of_workers_that_nobody_lists(
    dump: Dump, restore: Restore
) -> None:
    """tp3 lists none of its workers by their ids; other clients forget an id, not its record."""
    store = restore(dump)

    for rest, text in dump.values("worker:").items():
        if rest.endswith(":started"):
            assert happened(instant(text), dump)
        elif not rest.startswith("ping:"):
            held, fields = store.in_hand(rest), json.loads(text)
            assert held is not None
            assert held.queue == fields["queue"]
            assert held.payload.job == fields["payload"]["class"]
            assert held.payload.args == fields["payload"]["args"]
            assert held.payload.raw in text
            assert happened(instant(held.run_at), dump)


#: By hand: the record and the start of a worker at work, as each system writes them.
AT_WORK = {
    "ruby": ("10915", "Sleeper", "23:35:43", "23:35:43"),
    "php": ("14427", "Sleeper", "23:37:21", "23:37:21"),
    "php136": ("16001", "Sleeper", "23:38:19", "23:38:19"),
    "phpcb": ("18893", "Sleeper", "23:39:19", "23:39:19"),
    "node": ("1816", "Sleeper", "23:43:03", "23:43:04"),
    "pyres": ("4402", "pyres_jobs.Sleeper", "23:44:04", "23:44:04"),
    "pyres27": ("8052", "pyres_jobs.Sleeper", "23:45:21", "23:45:21"),
}


@pytest.mark.parametrize("system", AT_WORK)
def test_a_worker_at_work_is_a_row(system: str, restore: Restore) -> None:
    (row,) = monitor.overview(restore(dump(system, "job_success running"))).workers

    pid, job, since, started = AT_WORK[system]
    assert (row.host, row.pid, row.queues, row.queue) == ("worker1", pid, ("default",), "default")
    assert row.job == job
    assert f"{row.since:%Y-%m-%d %H:%M:%S %z}" == f"2026-11-20 {since} +0000"
    assert f"{row.started:%Y-%m-%d %H:%M:%S %z}" == f"2026-11-20 {started} +0000"


def test_tp3_registers_no_id_that_leads_to_its_record(restore: Restore) -> None:
    """It adds the word Object to the workers, so its jobs in hand can be found by nobody."""
    store = restore(dump("tp3", "job_success running"))

    (row,) = monitor.overview(store).workers

    assert (row.id, row.host, row.job, row.started) == ("Object", "Object", "", None)
    held = store.in_hand("worker1:20529:default")
    assert held is not None
    assert (held.payload.job, held.payload.args) == ("Sleeper", [{"seconds": 1.5}])
    assert instant(held.run_at) == datetime(2026, 11, 20, 23, 40, 27, tzinfo=UTC)


@pytest.mark.parametrize("system", [each for each in SYSTEMS if each not in ("tp3", "candidate")])
def test_what_a_worker_has_done_is_counted(system: str, restore: Restore) -> None:
    """node-resque counts under a name without the queues."""
    (row,) = monitor.overview(restore(dump(system, "job_success after_success"))).workers
    (failing,) = monitor.overview(restore(dump(system, "job_failure after_failure"))).workers[-1:]

    assert (row.processed, row.failed) == (1, 0)
    assert failing.failed == 1


ODD_IDS = {
    "2001:db8::1:77:q": ("2001", "db8", (":1:77:q",)),
    ":1:q": ("", "1", ("q",)),
    "bob": ("bob", "", ()),
    "bob:1:": ("bob", "1", ()),
    "bob:queue": ("bob", "queue", ()),
    "elsewhere:1:default": ("elsewhere", "1", ("default",)),
    "worker1:1:*": ("worker1", "1", ("*",)),
    "worker1:1:a:b": ("worker1", "1", ("a:b",)),
    "worker1:1:default": ("worker1", "1", ("default",)),
    "worker1:1:default,high": ("worker1", "1", ("default", "high")),
    "worker1:1:high,default": ("worker1", "1", ("high", "default")),
    "worker1:1:other": ("worker1", "1", ("other",)),
}


def test_ids_that_others_choke_on_are_rows(store: Store, redis: Redis) -> None:
    redis.sadd("resque:workers", *ODD["worker_ids"])

    rows = monitor.overview(store).workers

    assert {row.id: (row.host, row.pid, row.queues) for row in rows} == ODD_IDS


@with_key(r"failed")
def test_every_failure_is_shown_as_it_was_written(dump: Dump, restore: Restore) -> None:
    rows = failures(restore(dump))

    raws = dump.value("failed")
    assert len(rows) == len(raws)
    for row, raw in zip(reversed(rows), raws, strict=True):
        is_shown(row.failure, raw)
        assert row.payload.job == json.loads(raw)["payload"]["class"]
        assert happened(row.when, dump)


@pytest.mark.parametrize(
    "odd", ODD["failures"], ids=lambda each: f"{each['system']} {each['scene']}"
)
def test_every_failure_of_odd_payloads_is_shown(odd: Any, store: Store, redis: Redis) -> None:
    redis.rpush("resque:failed", "", odd["raw"], "")

    (row,) = failures(store)

    is_shown(row.failure, odd["raw"])
    assert row.when is not None
    assert abs(row.when - recorded.instant(odd["taken_at"])) < timedelta(minutes=5)


def is_shown(failure: Failure, raw: str) -> None:
    fields = json.loads(raw)
    assert failure.exception == fields["exception"]
    assert failure.error == fields["error"]
    assert failure.worker == fields["worker"]
    assert failure.queue == fields["queue"]
    assert failure.backtrace == (fields["backtrace"] or [])
    assert json.loads(failure.original) == fields["payload"]
    assert failure.original in raw


#: By hand: the class, exception and time of the failure of a job that raised.
RAISED = {
    "ruby": ("Failing", "ArgumentError", "23:35:47"),
    "php": ("Failing", "InvalidArgumentException", "23:37:24"),
    "php136": ("Failing", "InvalidArgumentException", "23:38:22"),
    "phpcb": ("Failing", "InvalidArgumentException", "23:39:22"),
    "node": ("Failing", "TypeError", "23:43:07"),
    "pyres": ("pyres_jobs.Failing", "type", "23:44:08"),
    "pyres27": ("pyres_jobs.Failing", "type", "23:45:25"),
}


@pytest.mark.parametrize("system", RAISED)
def test_the_failure_of_a_job_that_raised_is_a_row(system: str, restore: Restore) -> None:
    (row,) = failures(restore(dump(system, "job_failure after_failure")))

    job, exception, when = RAISED[system]
    assert (row.payload.job, row.failure.exception) == (job, exception)
    assert f"{row.when:%Y-%m-%d %H:%M:%S %z}" == f"2026-11-20 {when} +0000"
    assert row.payload.args in ([7], [{"n": 7}])


def test_a_failure_without_a_backtrace_or_a_worker_is_shown(store: Store, redis: Redis) -> None:
    """As node-resque writes it for what it could not perform, and others by mistake."""
    fields = json.loads(dump("node", "job_failure after_failure").value("failed")[0])
    redis.rpush("resque:failed", json.dumps({**fields, "backtrace": None}))
    redis.rpush("resque:failed", json.dumps({"error": "x", "payload": None, "failed_at": None}))

    newest, node = failures(store)

    assert (node.failure.backtrace, node.payload.job) == ([], "Failing")
    assert (newest.failure.error, newest.failure.worker, newest.when) == ("x", "", None)


@with_key(r"job:.*:status")
def test_every_status_is_read(dump: Dump, restore: Restore) -> None:
    store = restore(dump)

    for rest, raw in dump.values("job:").items():
        job_id, _, field = rest.partition(":")
        if field == "status":
            status = store.status(job_id)
            fields = json.loads(raw)
            assert status is not None
            assert status.code == fields["status"]
            assert status.name in ("waiting", "running", "failed", "complete")
            assert happened(datetime.fromtimestamp(status.updated, UTC), dump)
            assert status.started in (0, fields.get("started"))
            assert status.result == fields.get("result")
            assert job_status(job_id).status == status.name


def page(client: Client, name: str, *args: str) -> str:
    answer = client.get(reverse(f"admin:django_resque_{name}", args=args))
    assert answer.status_code == 200, name
    return html.unescape(answer.content.decode())


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_pages_show_every_dump(
    system: str, restore: Restore, redis: Redis, admin_client: Client
) -> None:
    for each in [each for each in DUMPS if each.system == system]:
        redis.flushall()
        rows = failures(restore(each))

        # Without the places where a browser may break a long name.
        overview, listed = (
            page(admin_client, name).replace("<wbr>", "") for name in ("overview", "failures")
        )

        for name in [*each.value("workers", []), *each.value("queues", [])]:
            assert name in overview, each
        for row in rows:
            alone = page(admin_client, "failure", row.digest)
            assert row.failure.exception in listed, each
            assert row.failure.error in alone, each


# What is performed.


def recorders(raws: list[str]) -> None:
    """Registers every class in these payloads as a job that answers what it was given."""
    for raw in raws:
        if isinstance(name := json.loads(raw)["class"], str):
            registry._registry[name] = jobs.FromRuby


@pytest.mark.parametrize(("peer", "given", "raw"), recorded.payloads())
def test_a_job_gets_what_was_given_in_the_other_language(
    peer: str, given: str, raw: str, store: Store, redis: Redis
) -> None:
    """PHP hands over one value, and writes nothing as null and an empty array as a list."""
    recorders([raw])
    redis.rpush("resque:queue:default", raw)

    (result,) = work_off(store, "default")

    if peer in PHPS:
        seen = {"None": "null", "{}": "[]"}.get(given, given)
        assert loads(result) == [loads(seen)]
    else:
        assert loads(result) == loads(given)


@with_key(r"queue:.*")
def test_every_job_in_a_queue_is_performed(dump: Dump, restore: Restore) -> None:
    store = restore(dump)
    queues = dump.values("queue:")
    raws = [raw for waiting in queues.values() for raw in waiting]
    recorders(raws)
    if "pause-all-workers" in dump.keys:
        assert work_off(store, *queues) == []
        store.resume_all()

    results = work_off(store, *queues)

    now = monitor.overview(store)
    good = [raw for raw in raws if json.loads(raw)["class"]]
    assert [loads(each) for each in results if each != "InvalidPayload"] == [
        loads(raw)["args"] for raw in good
    ]
    assert now.waiting == 0
    assert now.failures - len(dump.value("failed", [])) == len(raws) - len(good)


#: By hand, WIRE 2.3: what a job gets of odd arguments; a word: how it fails.
PERFORMED: dict[str, Any] = {
    "bad_json": "InvalidPayload",
    "list": "InvalidPayload",
    "string": "InvalidPayload",
    "null": "InvalidPayload",
    "number": "InvalidPayload",
    "empty_object": "InvalidPayload",
    "no_args": [],
    "args_object": [{"a": 1}],
    "args_null": [],
    "args_string": ["abc"],
    "php_style": [{"a": 1}],
    "ruby_positional": [1, "two", [3]],
    "extra_fields": [1],
    "invalid_utf8": "InvalidPayload",
}


def as_bytes(raw: str) -> bytes:
    """Of a recorded text in which bytes that are not UTF-8 stand as \\xNN."""
    return re.sub(rb"\\x(..)", lambda found: bytes.fromhex(found[1].decode()), raw.encode())


@pytest.mark.parametrize(("case", "raw"), ODD["payloads"])
def test_an_odd_payload_is_performed_or_a_failure_that_can_be_retried(
    case: str, raw: str, store: Store, redis: Redis
) -> None:
    registry._registry["pyres_jobs.Recorder"] = jobs.FromRuby
    redis.rpush("resque:queue:default", as_bytes(raw), '{"class":"Recorder","args":["after"]}')

    result, after = work_off(store, "default")

    assert after == '["after"]'
    if isinstance(PERFORMED[case], list):
        assert json.loads(result) == PERFORMED[case]
        return
    assert result == PERFORMED[case]
    (row,) = failures(store)
    assert control.retry(store, row.digest, row.position)
    assert redis.lrange("resque:queue:default", 0, -1) == [as_bytes(raw)]


DEEP = "[" * 600 + "1" + "]" * 600

#: By hand: odd values in arguments, on which some of the others die.
VALUES: list[tuple[str, Any]] = [
    ("NaN", InvalidPayload),
    ("Infinity", InvalidPayload),
    (r'"\ud800"', "\ud800"),
    (r'"a\u0000b"', "a\0b"),
    (DEEP, json.loads(DEEP)),
    ("9007199254740993", 9007199254740993),
    ("9223372036854775808", 9223372036854775808),
    ("1.0", 1.0),
    ('{"a":1,"a":2}', {"a": 2}),
    ('{"":1}', {"": 1}),
    ('"😀"', "😀"),
]


@pytest.mark.parametrize(("text", "value"), VALUES, ids=lambda each: str(each)[:20])
def test_an_odd_value_is_received_exactly_or_a_failure(
    text: str, value: Any, store: Store, redis: Redis
) -> None:
    received: list[Any] = []

    @job(name="Receive")
    def receive(given: Any) -> None:
        received.append(given)

    raw = f'{{"class":"Receive","args":[{text}]}}'
    redis.rpush("resque:queue:default", raw)

    (result,) = work_off(store, "default")

    if value is InvalidPayload:
        assert result == "InvalidPayload"
        (row,) = failures(store)
        assert row.failure.original == raw
    else:
        assert received == [value]
        assert type(received[0]) is type(value)


def test_php_writes_nothing_as_a_null_and_as_an_empty_list(store: Store, redis: Redis) -> None:
    """To a job that takes no arguments neither is one."""
    for args in ("[null]", "[[]]", "[]", "null"):
        raw = f'{{"class":"tests.project.jobs.untracked","args":{args},"id":"{"0" * 32}"}}'
        redis.rpush("resque:queue:default", raw)

    assert work_off(store, "default") == ["null"] * 4


@pytest.mark.parametrize("name", ["\\\\Recorder", "::Recorder", "\\\\App\\\\Job\\\\Recorder"])
def test_leading_separators_of_a_class_do_not_count(name: str, store: Store, redis: Redis) -> None:
    """ThinkPHP's begin with a backslash, and Ruby's may begin with colons."""
    redis.rpush("resque:queue:default", f'{{"class":"{name}","args":[5]}}')

    assert work_off(store, "default") == ["[5]"]


# What is delayed.

#: By hand: where the delayed item of each system goes, and as what.
PROMOTED = {
    "ruby": '{"class":"Recorder","args":[5]}',
    "php": '{"class":"Recorder","args":[{"n":5}]}',
    "php136": '{"class":"Recorder","args":[{"n":5}]}',
    "phpcb": '{"class":"Recorder","args":[{"n":5}]}',
    "node": '{"class":"Recorder","args":[5]}',
    "pyres": '{"class":"pyres_jobs.Recorder","args":[5]}',
    "pyres27": '{"args":[5],"class":"pyres_jobs.Recorder"}',
}


def due_now(dump: Dump) -> Dump:
    """The same, with the due time a little in the past."""
    ((_, score),) = dump.value("delayed_queue_schedule")
    text = json.dumps(dump.keys).replace(str(int(score)), str(int(time.time()) - 5))
    return Dump(dump.system, dump.scene, dump.taken_at, dump.namespace, json.loads(text))


@with_key(r"delayed_queue_schedule")
def test_every_delayed_item_is_read(dump: Dump, restore: Restore) -> None:
    store = restore(dump)

    ((due, score),) = dump.value("delayed_queue_schedule")
    assert int(due) == score
    raws = dump.value(f"delayed:{due}")
    for raw in raws:
        item, fields = Item.read(raw), json.loads(raw)
        assert item.raw == raw
        assert (item.queue, item.payload.job) == (fields["queue"], fields["class"])
        assert item.payload.args == fields["args"]
    delayed = monitor.overview(store).delayed
    assert (delayed.jobs, delayed.due) == (len(raws), datetime.fromtimestamp(score, UTC))


@pytest.mark.parametrize("system", PROMOTED)
def test_a_delayed_item_goes_to_its_queue_and_is_performed(system: str, restore: Restore) -> None:
    store = restore(due_now(dump(system, "delayed waiting")))
    recorders([PROMOTED[system]])

    assert clock.promote(store) is False

    assert queued(store, "later") == [PROMOTED[system]]
    assert [row.name for row in monitor.overview(store).queues] == ["later"]
    assert set(_keys(store)) - {"resque:connection_test_key"} == {
        "resque:queue:later",
        "resque:queues",
    }
    assert work_off(store, "later") == ['[{"n":5}]' if "php" in system else "[5]"]


def _keys(store: Store) -> list[str]:
    found: Any = store.redis.keys("*")
    return sorted(found)


@pytest.mark.parametrize(
    "item",
    [each.value("delayed:" + each.value("delayed_queue_schedule")[0][0])[0]
     for each in DUMPS if "delayed_queue_schedule" in each.keys] + ODD["items"],
)  # fmt: skip
def test_a_delayed_job_is_promoted_fails_and_is_retried_as_it_was(
    item: str, store: Store, redis: Redis
) -> None:
    fields = json.loads(item)
    queue = fields.pop("queue")
    due = int(time.time()) - 5
    redis.rpush(f"resque:delayed:{due}", item)
    redis.zadd("resque:delayed_queue_schedule", {str(due): due})
    registry._registry[fields["class"]] = registry.find("tests.project.jobs.fail")
    clock.promote(store)
    (first,) = queued(store, queue)
    assert json.loads(first) == {**fields, **({"prefix": ""} if "id" in fields else {})}

    for _ in range(2):
        (exception,) = work_off(store, queue)
        (row,) = failures(store)
        assert control.retry(store, row.digest, row.position)

        assert exception in ("tests.project.jobs.Boom", "TypeError")
        assert row.failure.payload == first
        assert queued(store, queue) == [first]


def test_the_last_firings_of_recurring_jobs_are_no_delayed_jobs(restore: Restore) -> None:
    """resque-scheduler's key delayed:last_enqueued_at is named like a list of items."""
    store = restore(dump("ruby", "ruby_recurring after_run"))
    before = _keys(store)

    assert clock.promote(store) is False

    assert monitor.overview(store).delayed.jobs == 0
    assert _keys(store) == before
    assert store.redis.hkeys("resque:delayed:last_enqueued_at") == ["tick"]


@with_key(r"failed")
def test_every_failure_is_retried_with_every_field(dump: Dump, restore: Restore) -> None:
    store = restore(dump)
    before = {queue: queued(store, queue) for queue in queues(store)}
    raws = dump.value("failed")

    while rows := failures(store):
        assert control.retry(store, rows[-1].digest, rows[-1].position)

    for queue in queues(store):
        added = queued(store, queue)[len(before.get(queue, [])) :]
        assert all(any(payload in raw for raw in raws) for payload in added)
        assert [json.loads(payload) for payload in added] == [
            json.loads(raw)["payload"] for raw in raws if json.loads(raw)["queue"] == queue
        ]


# What php-resque tracks.


def ended(store: Store, job_id: str) -> tuple[int, Any]:
    """Code and result of a status that has ended and will expire."""
    status = store.status(job_id)
    assert status is not None
    ttl: Any = store.redis.ttl(f"resque:job:{job_id}:status")
    assert 0 < ttl <= 86400
    return status.code, status.result


@pytest.mark.django_db(transaction=True)
def test_jobs_that_phps_track_end_with_status_and_result(farm: Farm, restore: Restore) -> None:
    """All of php-resque's generations, worked off by one real worker."""
    raws = []
    for system in PHPS:
        for each in (dump(system, "enqueue_raw after"), dump(system, "job_success queued")):
            store = restore(each, "resque")
            raws += [raw for queue in each.values("queue:").values() for raw in queue]
    assert len(raws) == 4 * 8

    work = farm("resque_work", "--queue=raw,default", "--burst")

    assert work.ends() == 0, work.output
    for raw in raws:
        payload = json.loads(raw)
        known = payload["class"] == "Recorder"
        assert ended(store, payload["id"]) == (
            4 if known else 3,
            payload["args"] if known else None,
        )
        status = store.status(payload["id"])
        assert status is not None
        assert 1795217800 < status.started < 1795218100, "when PHP enqueued it"
    assert store.redis.llen("resque:failed") == 4


@pytest.mark.parametrize("system", PHPS)
def test_a_tracked_job_whose_worker_is_given_up_has_failed(system: str, restore: Restore) -> None:
    store = restore(dump(system, "job_success queued"), "resque")
    store.register(OURS, ABOUT)
    held = store.reserve(Take.new(OURS, ["default"]))
    assert isinstance(held, wire.Reservation)
    job_id = held.payload.id
    running = store.status(job_id)

    clock.give_up(store, OURS, DirtyExit("The process of its worker is gone."))

    assert running is not None
    assert running.name == "running"
    assert ended(store, job_id) == (3, None)
    (row,) = failures(store)
    assert row.failure.exception == "DirtyExit"
    assert row.payload.id == job_id
    assert row.failure.payload == held.payload.raw


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("system", PHPS)
def test_a_tracked_job_whose_process_is_killed_has_failed(
    system: str, farm: Farm, restore: Restore
) -> None:
    each = dump(system, "job_success queued")
    (raw,) = each.value("queue:default")
    store = restore(each, "resque")
    killing = raw.replace('"Sleeper"', '"tests.project.jobs.leave_by"')
    killing = killing.replace('{"seconds":1.5}', '"SIGKILL"')
    store.redis.lset("resque:queue:default", 0, killing)
    job_id = json.loads(raw)["id"]

    work = farm("resque_work", "--queue=default", "--interval=0.1")
    wait_for(lambda: job_status(job_id).status == "failed", "the job has failed")

    assert ended(store, job_id) == (3, None)
    assert [row.failure.payload for row in failures(store)] == [killing]
    work.send(signal.SIGTERM)
    assert work.ends() == 0, work.output
