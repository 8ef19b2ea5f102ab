"""
What holds for any text, number and depth: what is accepted arrives as it was, the rest is
refused with its place, bytes go back as they came, and nothing that is read can raise.
"""

import datetime
import decimal
import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pytest_django import Settings
from redis import Redis

from django_resque import InvalidArguments, conf, dates, enqueue_to, execution, job, wire
from django_resque.about import About
from django_resque.arguments import MAX_DEPTH, check
from django_resque.execution import Guard
from django_resque.failure import Failure
from django_resque.items import Item
from django_resque.outcome import Outcome
from django_resque.parcels import Parcel
from django_resque.registry import registry
from django_resque.store import Store, Take
from django_resque.wire import Payload, Reservation, Status, cut_fields
from tests.project import jobs

# close_old_connections() around a job looks at connections that earlier tests have opened.
pytestmark = pytest.mark.django_db

ID = "0123456789abcdef0123456789abcdef"
NOW = 1795218367.5
WORKER = "host:7:*"

# Neither deadlines nor a limit for drawing: how fast it goes depends on who else is on the machine.
UNHURRIED = hypothesis.settings(
    deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
PURE = hypothesis.settings(UNHURRIED, max_examples=150)
REDIS = hypothesis.settings(UNHURRIED, max_examples=100)
DEEPLY = hypothesis.settings(UNHURRIED, max_examples=20)


# What may travel.

ODD = [
    "",
    "\0",
    "\x7f\x1b",
    "\u2028",
    "\U0001f600\U0010ffff",
    "\ufeff",
    '"\\/',
    "é/\\u00e9",
    "{}[],:",
]

TEXT = st.text(max_size=20) | st.sampled_from(ODD)

NAMES = TEXT.filter(bool)

INTEGERS = st.integers() | st.sampled_from(
    [sign * (2**power + step) for sign in (1, -1) for power in (53, 63, 64) for step in (-1, 0, 1)]
    + [10**4299, -(10**4299)]
)

FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [-0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e16, 0.1]
)

SCALARS = st.none() | st.booleans() | INTEGERS | FLOATS | TEXT

VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def nested(draw: st.DrawFn, inner: st.SearchStrategy[Any], depths: st.SearchStrategy[int]) -> Any:
    """A value so many lists and objects deep, and its path in them."""
    value, path = draw(inner), ""
    for _ in range(draw(depths)):
        if draw(st.booleans()):
            before = draw(st.lists(st.integers(0, 9), max_size=2))
            value, path = [*before, value], f"[{len(before)}]{path}"
        else:
            key = draw(TEXT)
            value, path = {key: value}, f"[{json.dumps(key)}]{path}"
    return value, path


ARGUMENTS = st.lists(VALUES, max_size=3) | st.lists(
    nested(SCALARS, st.sampled_from([1, 40, MAX_DEPTH - 2, MAX_DEPTH - 1])).map(
        lambda found: found[0]
    ),
    max_size=2,
)

REFUSED = st.sampled_from(
    [
        (float("nan"), ": nan is not JSON; pass None or a finite number."),
        (float("-inf"), ": -inf is not JSON; pass None or a finite number."),
        ("a\ud800", ": a lone surrogate '\\ud800' is not Unicode text; clean it"),
        ("\udcff", ": a lone surrogate '\\udcff' is not Unicode text; clean it"),
        (b"x", ": bytes is not JSON; pass text, or base64 of it."),
        ({1}, ": set is not JSON; pass sorted(...) or list(...)."),
        (decimal.Decimal(1), ": Decimal is not JSON; pass str(...)."),
        (uuid.UUID(int=1), ": UUID is not JSON; pass str(...)."),
        (datetime.date(2026, 1, 1), ": date is not JSON; pass .isoformat()."),
        (datetime.timedelta(1), ": timedelta is not JSON; pass .total_seconds()."),
        (1j, ": complex is not JSON; pass text, numbers"),
        (10**4300, ": the integer is too long to be written; pass hex(...)."),
        ({1: 2}, ": the key 1 is not text, and JSON has only text keys; pass str(...)."),
        ({None: 2}, ": the key None is not text, and JSON has only text keys"),
        ({"\ud800": 2}, ", the key '\\ud800': a lone surrogate '\\ud800' is not Unicode text"),
    ]
)


# What stands in a Redis that anybody may write to.

BYTES = st.binary(max_size=60).map(lambda found: found.decode("utf-8", "surrogateescape"))

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)

ANY_VALUES = st.recursive(
    SCALARS | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)

ABOUT = ["machine", "pid", "birth", "supervisor", "supervisor_birth", "version"]

FIELDS = [
    *["class", "args", "id", "prefix", "queue", "queue_time", "unreadable", "base64"],
    *["payload", "run_at", "worker", "token", "failed_at", "exception", "error", "backtrace"],
    *["status", "updated", "started", "result", *ABOUT],
]

OBJECTS = st.recursive(
    st.dictionaries(st.sampled_from(FIELDS) | ANY_TEXT, ANY_VALUES, max_size=9),
    lambda inner: st.dictionaries(st.sampled_from(FIELDS), ANY_VALUES | inner, max_size=9),
    max_leaves=3,
)

WHOLE_ABOUT = st.fixed_dictionaries(dict.fromkeys(ABOUT, ANY_VALUES))


@st.composite
def broken(draw: st.DrawFn) -> str:
    """JSON with a piece cut out, or with a stranger in it."""
    text = json.dumps(draw(OBJECTS))
    at, cut = draw(st.integers(0, len(text))), draw(st.integers(0, 3))
    return (
        text[:at] + draw(st.sampled_from(["", "NaN", "1e999", "\0", "\udcff"])) + text[at + cut :]
    )


JSON = (ANY_VALUES | OBJECTS | WHOLE_ABOUT).flatmap(
    lambda value: st.sampled_from(
        [json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)]
    )
)

DEEP = st.builds(
    lambda opening, middle, closing, depth: opening * depth + middle + closing * depth,
    st.sampled_from(['{"payload":', '{"args":[', "[", '{"a":']),
    st.sampled_from(["1", "", '"\\ud800"']),
    st.sampled_from(["}", "]}", "]", ""]),
    st.sampled_from([1, 50, 99, 100, 101, 990, 100_000]),
)

#: Numbers that JSON can write and Python, or a date, cannot hold.
VAST = st.sampled_from(['{"status":2,"updated":1e999}', '{"args":[' + "9" * 5000 + "]}"])

#: As the client hands it over: bytes that are not UTF-8 stand as surrogates.
ANYTHING = (BYTES | ANY_TEXT | JSON | broken() | DEEP | VAST).map(
    lambda text: wire.raw(text).decode("utf-8", "surrogateescape")
)

DATES = ANYTHING | st.builds(
    str.replace,
    st.sampled_from(
        [
            "2026-11-20T23:43:33Z",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31 23:59:59 -2359",
            "0001/01/01 00:00:00 UTC",
            "Fri Nov 20 2026 23:43:33 GMT+0000 (Coordinated Universal Time)",
            "-62135596800",
            "253402300799",
        ]
    ),
    st.sampled_from("0129:-+"),
    st.sampled_from(["", "0", "1", "9", "-", "\u0663", "\0", "e"]),
    st.integers(-1, 2),
)


# Redis, and a job.

Seen = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def seen() -> Iterator[Seen]:
    """What the job `remember` was called with."""
    before = dict(registry._registry)
    calls: Seen = []

    @job(name="remember")
    def remember(*args: Any) -> None:
        calls.append(args)

    yield calls
    registry._registry = before


@pytest.fixture(autouse=True)
def _at_once(settings: Settings, _empty_redis: None) -> None:
    """There is no commit: pytest-django rolls these tests back."""
    settings.RESQUE = {"ON_COMMIT": False}


def fresh(redis: Redis) -> Store:
    """An empty Redis in which one worker is known: each example begins with that."""
    redis.flushdb()
    store = conf.store()
    store.register(WORKER, About("m", 7, "1", 1, "1", "0"))
    return store


def reserved(store: Store, queue: str) -> Reservation:
    found = store.reserve(Take.new(WORKER, [queue]))
    assert isinstance(found, Reservation)
    return found


def record(redis: Redis) -> str:
    found: Any = redis.get(f"resque:worker:{WORKER}")
    return str(found.decode("utf-8", "surrogateescape"))


def in_list(redis: Redis, name: str) -> list[bytes]:
    found: Any = redis.lrange(f"resque:{name}", 0, -1)
    return list(found)


def depth(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)


def assert_that_every_client_can_read(element: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(element.decode(), parse_constant=pytest.fail)
    json.dumps(fields, ensure_ascii=False).encode()  # Raises for a lone surrogate.
    assert depth(fields) <= 100
    return fields


# Arguments, and names.


@REDIS
@given(args=ARGUMENTS)
def test_what_is_accepted_arrives_as_it_was(redis: Redis, seen: Seen, args: list[Any]) -> None:
    store = fresh(redis)
    enqueue_to("mail", "remember", *args)
    held = reserved(store, "mail")

    outcome, error = execution.perform(held, Guard())

    assert (outcome, error) == (Outcome(), None)
    # By repr, which tells 1 from 1.0 and True, and 0.0 from -0.0.
    assert repr(seen.pop()) == repr(tuple(args))


@REDIS
@given(args=ARGUMENTS)
def test_what_is_accepted_stands_in_its_failure_as_it_is(redis: Redis, args: list[Any]) -> None:
    payload = Payload.new("remember", args, ID, NOW)
    held = Reservation(WORKER, "mail", "", "t", "{", payload)

    element = Failure.of(ValueError(), held, NOW).encode().encode()

    assert repr(assert_that_every_client_can_read(element)["payload"]["args"]) == repr(args)


@PURE
@given(refused=REFUSED, data=st.data())
def test_what_is_refused_is_named_by_its_path(
    refused: tuple[Any, str], data: st.DataObject
) -> None:
    bad, message = refused
    value, path = data.draw(nested(st.just(bad), st.integers(0, MAX_DEPTH - 2)))
    before = data.draw(st.lists(SCALARS, max_size=2))

    with pytest.raises(InvalidArguments) as caught:
        check([*before, value])

    assert str(caught.value).startswith(f"args[{len(before)}]{path}{message}")
    str(caught.value).encode()


@DEEPLY
@given(found=nested(st.just([]), st.sampled_from([MAX_DEPTH - 1, MAX_DEPTH, 2 * MAX_DEPTH])))
def test_what_is_too_deep_is_named_by_its_argument(found: tuple[Any, str]) -> None:
    with pytest.raises(InvalidArguments, match=r"^args\[1\]: .* nested deeper than 98 levels"):
        check([1, found[0]])


@REDIS
@given(queue=NAMES, name=NAMES, args=ARGUMENTS)
def test_names_arrive_as_they_were(redis: Redis, queue: str, name: str, args: list[Any]) -> None:
    store = fresh(redis)
    enqueue_to(queue, name, *args)
    held = reserved(store, queue)

    assert (held.queue, held.payload.job, held.payload.problem) == (queue, name, "")
    assert Reservation.read(WORKER, record(redis)) == held
    assert store.put_back(held)
    assert reserved(store, queue).payload == held.payload
    assert redis.smembers("resque:queues") == {queue.encode()}


@pytest.mark.parametrize(
    ("queue", "name", "message"),
    [
        ("a\ud800", "Archive", r"The name of the queue: a lone surrogate '\ud800' is not Unicode"),
        ("mail", "A\udcff", r"The name of the job: a lone surrogate '\udcff' is not Unicode text"),
        ("mail", "", "The name of a job is text, not ''."),
    ],
)
def test_a_name_that_cannot_be_written_is_refused(
    redis: Redis, queue: str, name: str, message: str
) -> None:
    with pytest.raises(InvalidArguments, match=re.escape(message)):
        enqueue_to(queue, name)

    assert redis.keys("*") == []


def test_a_queue_whose_name_is_no_text_is_refused(redis: Redis) -> None:
    with pytest.raises(InvalidArguments, match=re.escape("The name of a queue is text, not 7.")):
        jobs.note.options(queue=7).enqueue("path")  # type: ignore[arg-type]  # the mistake

    assert redis.keys("*") == []


def test_an_integer_that_javascript_rounds_is_told_to_who_sends_it_abroad(
    redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    enqueue_to("node", "Archive", 2**53, True, [{"id": -(2**53) - 1}, 2**64])

    (message,) = caplog.messages
    assert message == (
        'integer over 2^53 job=Archive at=args[2][0]["id"]: node.js rounds it, pass text'
    )
    assert str(2**53 + 1) in str(in_list(redis, "queue:node"))


def test_an_integer_to_a_job_of_this_project_is_no_news(
    redis: Redis, caplog: pytest.LogCaptureFixture, seen: Seen
) -> None:
    jobs.FromRuby.enqueue(2**64)
    enqueue_to("node", "Archive", -(2**53), [2**53])

    assert caplog.messages == []


# Bytes that go back.


@REDIS
@given(raw=ANYTHING.map(wire.raw))
@example(raw=b'"\\u0041\\"')
@example(raw=b"\n\0\x7f\xff\\")
def test_a_payload_of_any_bytes_goes_back_as_it_came(redis: Redis, raw: bytes) -> None:
    store = fresh(redis)
    redis.rpush("resque:queue:mail", raw)

    held = reserved(store, "mail")
    assert wire.raw(held.payload.raw) == raw
    assert Reservation.read(WORKER, record(redis)) == held
    assert store.put_back(held)
    assert in_list(redis, "queue:mail") == [raw]

    reserved(store, "mail")
    seen = store.in_hand(WORKER)
    assert seen
    assert store.give_up(WORKER, seen, Outcome(Failure.of(ValueError(), seen, NOW))) == "gone"

    store = fresh(redis)
    redis.rpush("resque:queue:mail", raw)
    held = reserved(store, "mail")
    store.settle(held, Outcome(Failure.of(ValueError(), held, NOW)))
    (element,) = in_list(redis, "failed")
    assert_that_every_client_can_read(element)
    assert store.requeue(Failure.decode(element.decode()))
    assert in_list(redis, "queue:mail") == [raw]


@REDIS
@given(queue=NAMES, name=NAMES, args=ARGUMENTS)
def test_a_delayed_job_comes_as_it_would_have_been_pushed(
    redis: Redis, queue: str, name: str, args: list[Any]
) -> None:
    store = fresh(redis)
    payload, other = Payload.new(name, args, ID, NOW), Payload.new(name, args, ID[::-1], NOW)

    store.push([Parcel(queue, payload, due=1), Parcel(queue, other, track=False, due=2)])
    while store.promote():
        pass

    tracked, untracked = in_list(redis, f"queue:{queue}")
    assert tracked == payload.raw.encode()
    assert untracked == tracked.partition(b',"id":"' + ID.encode())[0] + b"}"


@PURE
@given(
    fields=st.dictionaries(TEXT | st.sampled_from(FIELDS), ANY_VALUES.map(json.dumps)), queue=NAMES
)
def test_any_delayed_item_keeps_its_other_fields(fields: dict[str, str], queue: str) -> None:
    fields = {"class": '"X"', **fields, "queue": json.dumps(queue)}
    raw = ",".join(f"{json.dumps(name)} : {text}" for name, text in fields.items())

    item = Item.read(f"{{ {raw} }}")

    assert item.queue == queue
    kept = cut_fields(item.payload.raw)
    ours = tuple(fields) == ("class", "args", "queue", "id", "queue_time")
    expected = {**fields, **({"prefix": '""'} if ours else {})}
    assert kept == {name: expected[name] for name in expected if name != "queue"}


# Nothing that is read can raise.


@pytest.mark.parametrize("decode", [cut_fields, Status.decode, About.decode, Failure.decode])
@PURE
@given(text=ANYTHING)
def test_anything_can_be_decoded(decode: Callable[[str], Any], text: str) -> None:
    assert decode(text) == decode(text)


@PURE
@given(text=ANYTHING)
@example(text='{"\\ud800":1}')
def test_anything_is_a_payload_or_has_a_problem(text: str) -> None:
    payload = Payload.read(text)

    assert payload.raw == text
    assert payload.job
    assert isinstance(payload.args, list)
    assert isinstance(payload.id + payload.prefix, str)
    payload.problem.encode()
    if not payload.problem:
        assert payload.job == json.loads(text)["class"]


@PURE
@given(text=ANYTHING)
def test_anything_is_a_record_of_somebody(text: str) -> None:
    held = Reservation.read(WORKER, text)

    assert isinstance(held.queue + held.run_at + held.token, str)
    assert text.startswith(held.head)
    assert held.payload.raw in text or held.payload.problem


@PURE
@given(text=ANYTHING)
def test_anything_is_an_item_for_a_queue_or_for_none(text: str) -> None:
    item = Item.read(text)

    assert item.raw == text
    assert isinstance(item.queue, str)
    assert item.queue or item.payload == Payload.read(text)


@PURE
@given(text=ANYTHING)
def test_anything_can_be_shown_as_a_failure(text: str) -> None:
    failure = Failure.decode(text)

    assert failure.raw == text
    shown = (failure.failed_at, failure.exception, failure.error, failure.worker, failure.queue)
    assert all(isinstance(each, str) for each in (*shown, *failure.backtrace))
    assert isinstance(failure.original, str)
    assert isinstance(Payload.read(failure.payload).job, str)


@PURE
@given(text=ANYTHING)
def test_anything_is_a_status_or_none(text: str) -> None:
    status = Status.decode(text)

    if status:
        assert isinstance(status.code + status.updated + status.started, int)
        assert isinstance(status.name, str)
        assert isinstance(status.ended, bool)


@PURE
@given(text=DATES)
def test_anything_is_a_date_that_can_be_shown_anywhere_or_none(text: str) -> None:
    found = dates.instant(text)

    for hours in (-12, 0, 14):
        zone = datetime.timezone(datetime.timedelta(hours=hours))
        assert found is None or found.astimezone(zone) == found


# Anything that is raised can be written.


class Wicked(Exception):
    """Its text is user code too."""

    def __init__(self, text: Any) -> None:
        self.text = text

    def __str__(self) -> Any:
        if isinstance(self.text, BaseException):
            raise self.text
        return self.text


def called(name: str, module: str, text: str) -> BaseException:
    """An exception whose class is called so."""
    kind: type[BaseException] = type(
        "Named", (Exception,), {"__qualname__": name, "__module__": module}
    )
    return kind(text)


def noted(error: BaseException, note: str) -> BaseException:
    error.add_note(note)
    return error


SIMPLE: st.SearchStrategy[BaseException] = st.one_of(
    st.builds(ValueError, ANY_TEXT),
    st.builds(Wicked, ANY_TEXT | st.just(7) | st.just(SystemExit(1))),
    st.builds(called, ANY_TEXT, ANY_TEXT, ANY_TEXT),
    st.builds(
        lambda text, line: SyntaxError(text, (text, 1, 3, line)),  # Printed with that line.
        ANY_TEXT,
        ANY_TEXT,
    ),
    st.builds(lambda text: UnicodeEncodeError("utf-8", text, 0, 1, text), ANY_TEXT),
    st.builds(lambda text: ExceptionGroup(text, [ValueError(text), Wicked(7)]), ANY_TEXT),
)

EXCEPTIONS = st.builds(noted, SIMPLE, ANY_TEXT)


@PURE
@given(error=EXCEPTIONS, cause=st.none() | EXCEPTIONS, text=ANYTHING)
@example(error=called("\ud800", "x", ""), cause=None, text="")
@example(error=noted(ValueError("\ud800"), "\ud800"), cause=KeyError("\ud800"), text="\udcff")
def test_any_exception_of_any_payload_can_be_written(
    error: BaseException, cause: BaseException | None, text: str
) -> None:
    held = Reservation(WORKER, "mail", "", "t", "{", Payload.read(text))
    try:
        raise error from cause
    except BaseException as caught:  # noqa: BLE001 -- any is what is wanted
        failure = Failure.of(caught, held, NOW)

    fields = assert_that_every_client_can_read(failure.encode().encode())
    assert all(isinstance(fields[name], str) for name in ("exception", "error", "queue"))
    assert Failure.decode(failure.encode()).original == text
