"""Failures: Ruby's seven fields, readable by everybody whatever went wrong."""

import json
import sys
from typing import Any

import pytest

from django_resque.errors import DirtyExit
from django_resque.failure import MAX_ERROR, Failure
from django_resque.wire import Payload, Reservation
from tests import recorded

NOW = 1795218688.0


def reservation(payload: str = '{"class":"X","args":[]}') -> Reservation:
    return Reservation("host:7:mail", "mail", "", "t", "{", Payload.read(payload))


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001 -- the test hands in any
        return caught


def test_a_failure_has_rubys_fields_in_rubys_order() -> None:
    failure = Failure.of(raised(ValueError("boom é/<b>")), reservation(), NOW)

    fields = json.loads(failure.encode())
    assert list(fields) == [
        "failed_at", "payload", "exception", "error", "backtrace", "worker", "queue",
    ]  # fmt: skip
    assert fields["failed_at"] == "2026/11/20 23:51:28 UTC"
    assert fields["exception"] == "ValueError"
    assert fields["error"] == "boom é/<b>"
    assert fields["worker"] == "host:7:mail"
    assert fields["queue"] == "mail"
    assert fields["backtrace"][-1] == "ValueError: boom é/<b>"


def test_the_payload_stands_in_it_byte_for_byte() -> None:
    odd = '{"class": "Odd",  "args": [[], 12345678901234567890, 1.0, "é\\/\\u00e9"]}'

    failure = Failure.of(ValueError(), reservation(odd), NOW)

    assert odd in failure.encode()
    assert Failure.decode(failure.encode()).original == odd


@pytest.mark.parametrize(
    "poison",
    [
        "",
        "[1]",
        "{bad}",
        "\udcff\x00\\",
        '{"class":"X","args":[NaN]}',
        '{"class":"X","args":["\\ud800"]}',
        '{"class":"X","args":' + "[" * 99 + "]" * 99 + "}",
        "[" * 5000,
    ],
)
def test_a_payload_that_readers_die_of_is_wrapped_and_can_be_restored(poison: str) -> None:
    written = Failure.of(ValueError("x"), reservation(poison), NOW).encode()

    written.encode()
    shown = json.loads(written, parse_constant=pytest.fail)["payload"]
    assert isinstance(shown["class"], str)
    assert isinstance(shown["args"], list)
    assert Failure.decode(written).original == poison


class Silly(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


@pytest.mark.parametrize(
    ("error", "exception", "text"),
    [
        (Silly(), "tests.test_failure.Silly", "__str__ raised RuntimeError"),
        (DirtyExit("gone"), "DirtyExit", "gone"),
        (ValueError("\ud800"), "ValueError", "\\ud800"),
        (SystemExit(3), "SystemExit", "3"),
        (ValueError("x" * 2_000_000), "ValueError", "(2000000 characters)"),
    ],
)
def test_any_exception_can_be_written(error: BaseException, exception: str, text: str) -> None:
    failure = Failure.of(raised(error), reservation(), NOW)

    assert failure.exception == exception
    assert text in failure.error
    assert len(failure.error) < MAX_ERROR + 100
    failure.encode().encode()


def test_a_deep_recursion_leaves_a_short_backtrace() -> None:
    def recurse() -> None:
        recurse()

    try:
        recurse()
    except RecursionError as error:
        failure = Failure.of(error, reservation(), NOW)

    assert len(failure.backtrace) < 100
    assert sys.getrecursionlimit() > 100


@pytest.mark.parametrize("peer", recorded.records())
def test_a_recorded_failure_is_understood(peer: str) -> None:
    for raw in recorded.records()[peer].get("failed", []):
        failure = Failure.decode(raw)

        assert Payload.read(failure.payload).job.endswith("Failing")
        assert failure.exception
        assert failure.error
        assert failure.queue == "default"
        assert failure.worker.startswith("worker1:")
        assert all(isinstance(line, str) for line in failure.backtrace)
        assert failure.original in raw


@pytest.mark.parametrize(
    "raw",
    ["x", "[]", "null", "\udcff", "{}", '{"payload":null,"backtrace":null}', '{"error":{"a":1}}'],
)
def test_a_broken_element_can_be_shown(raw: str) -> None:
    failure = Failure.decode(raw)

    shown: list[Any] = [failure.exception, failure.error, failure.payload, *failure.backtrace]
    assert all(isinstance(text, str) for text in shown)
    for text in shown:
        text.encode()
    assert failure.raw == raw


def test_a_backtrace_that_is_one_text_is_shown_by_lines() -> None:
    assert Failure.decode('{"backtrace":"a\\nb"}').backtrace == ["a", "b"]


def test_somebody_elses_field_unreadable_is_not_unwrapped() -> None:
    payload = '{"class":"X","args":[],"unreadable":true}'
    raw = f'{{"payload":{payload},"queue":"q"}}'

    assert Failure.decode(raw).original == payload


def recorded_failures() -> list[tuple[str, str]]:
    """By whom, and the element, without those that are no objects."""
    found = [
        (dump.system, raw)
        for dump in recorded.dumps()
        for key in dump.keys
        if key.endswith("failed")
        for raw in dump.value(key)
        if raw.startswith("{")
    ]
    assert len({system for system, _ in found}) == 9
    return found


def test_a_failure_tells_the_language_of_its_worker() -> None:
    peers = {"ruby": "ruby", "node": "node", "candidate": "python"}
    peers |= dict.fromkeys(("php", "php136", "phpcb", "tp3"), "php")
    peers |= dict.fromkeys(("pyres", "pyres27"), "python")

    for system, raw in recorded_failures():
        assert Failure.decode(raw).language == peers[system], raw
    for odd in ('{"failed_at":"1795218688"}', '{"failed_at":[2026]}', "{}", "no JSON"):
        assert Failure.decode(odd).language == "unknown"


def test_our_own_failures_are_pythons() -> None:
    for error in (raised(ValueError("x")), DirtyExit("gone")):
        assert Failure.of(error, reservation(), NOW).language == "python"
