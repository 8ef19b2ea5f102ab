"""Payloads, records and statuses: ours byte for byte, everybody's understood."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_resque import wire
from django_resque.wire import Payload, Reservation, Status
from tests import recorded

ID = "0123456789abcdef0123456789abcdef"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


def test_a_payload_has_the_fields_of_php_in_compact_unescaped_json() -> None:
    payload = Payload.new("Mail", [{"naïve": "é/日本", "n": 1.0}], ID, 1795218367.0298834)

    assert payload.raw == (
        '{"class":"Mail","args":[{"naïve":"é/日本","n":1.0}],'
        f'"id":"{ID}","prefix":"","queue_time":1795218367.029883}}'
    )


@given(st.lists(JSON, max_size=4))
def test_arguments_come_back_as_they_went(args: list[object]) -> None:
    written = Payload.new("X", args, ID, 1.0)

    read = Payload.read(written.raw)

    assert read == written
    assert read.args == args


@pytest.mark.parametrize(("peer", "given", "raw"), recorded.payloads())
def test_a_recorded_payload_is_understood(peer: str, given: str, raw: str) -> None:
    payload = Payload.read(raw)

    assert payload.problem == ""
    assert payload.job.endswith("Recorder")
    assert payload.raw == raw
    assert payload.args == json.loads(raw)["args"]
    assert payload.id == json.loads(raw).get("id", "")


@pytest.mark.parametrize(
    ("raw", "args"),
    [
        ('{"class":"X"}', []),
        ('{"class":"X","args":null}', []),
        ('{"class":"X","args":[null]}', [None]),
        ('{"class":"X","args":{"a":1}}', [{"a": 1}]),
        ('{"class":"X","args":"abc"}', ["abc"]),
        ('{"class":"X","args":[12345678901234567890]}', [12345678901234567890]),
        ('{"args":[1],"class":"X","args":[2]}', [2]),
    ],
)
def test_odd_arguments_are_accepted(raw: str, args: list[object]) -> None:
    payload = Payload.read(raw)

    assert payload.problem == ""
    assert payload.args == args


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ("", "not JSON"),
        ("{bad", "not JSON"),
        ("[1]", "not a JSON object"),
        ("null", "not a JSON object"),
        ('{"args":[]}', 'names no "class"'),
        ('{"class":7}', 'names no "class"'),
        ('{"class":"X","args":[NaN]}', "NaN is not JSON"),
        ("\udcff{}", "not UTF-8"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_job_says_why_and_never_raises(raw: str, problem: str) -> None:
    payload = Payload.read(raw)

    assert problem in payload.problem
    assert payload.raw == raw
    payload.problem.encode()


@pytest.mark.parametrize("host", ["host", 'h"o\\st'])
def test_a_record_is_read_as_it_was_taken(host: str) -> None:
    head = wire.head('q"1', wire.head_rest(f"{host}:7:mail", "a" * 32, 1795218367.9))
    raw = head + '{"class":"X"}}'

    assert json.loads(raw) == {
        "queue": 'q"1',
        "run_at": "2026-11-20T23:46:07Z",
        "worker": f"{host}:7",
        "token": "a" * 32,
        "payload": {"class": "X"},
    }
    assert Reservation.read(f"{host}:7:mail", raw) == Reservation(
        worker_id=f"{host}:7:mail",
        queue='q"1',
        run_at="2026-11-20T23:46:07Z",
        token="a" * 32,
        head=head,
        payload=Payload.read('{"class":"X"}'),
    )


@pytest.mark.parametrize("peer", recorded.records())
def test_a_recorded_worker_record_is_understood(peer: str) -> None:
    from django_resque import dates

    for key, raw in recorded.records()[peer].items():
        if key == "failed" or key.endswith(":started") or ":ping:" in key:
            continue
        held = Reservation.read(key, raw)

        assert held.queue == "default"
        assert held.payload.job.endswith("Sleeper")
        assert dates.instant(held.run_at) is not None


@pytest.mark.parametrize("raw", ["", "{", "[]", "\udcff", '{"queue":7,"payload":[]}', "null"])
def test_an_unreadable_record_does_not_raise(raw: str) -> None:
    held = Reservation.read("h:1:q", raw)

    assert held.head == raw
    assert held.payload.problem


def test_a_status_has_phps_four_fields() -> None:
    text = Status(wire.COMPLETE, 1795218688, 1795218683, {"a": 1}).encode()

    assert text == '{"status":4,"updated":1795218688,"started":1795218683,"result":{"a":1}}'
    assert Status.decode(text) == Status(4, 1795218688, 1795218683, {"a": 1})


def test_statuses_of_older_phps_are_read() -> None:
    found = Status.decode('{"status":2,"updated":1795217901}')

    assert found == Status(wire.RUNNING, 1795217901, 0)


@pytest.mark.parametrize("raw", ["", "7", "null", "{}", '{"status":"x"}', "{bad"])
def test_what_is_no_status_is_none(raw: str) -> None:
    assert Status.decode(raw) is None
