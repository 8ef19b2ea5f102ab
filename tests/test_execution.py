"""One job: what it is given, how its end is told, and what it leaves behind for the next."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone, translation
from pytest_django import Settings

from django_resque import Interrupted, Job, current_job, execution, job
from django_resque.execution import Guard
from django_resque.registry import registry
from django_resque.store import Outcome
from django_resque.wire import Payload, Reservation
from tests import recorded
from tests.project import jobs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _scratch() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    before = dict(registry._registry)
    yield
    registry._registry = before


def perform(raw: str, guard: Guard | None = None) -> tuple[Outcome | None, BaseException | None]:
    held = Reservation("h:1:q", "queue", "", "t", "{", Payload.read(raw))
    return execution.perform(held, guard or Guard())


def run(kind: Any, *args: Any) -> Outcome:
    found: Any = getattr(kind, "job", kind)
    outcome, _ = perform(Payload.new(found.name, list(args), "a" * 32, 1.0).raw)
    assert outcome is not None
    return outcome


@pytest.mark.parametrize(("peer", "given", "raw"), recorded.payloads())
def test_a_recorded_payload_is_performed(peer: str, given: str, raw: str) -> None:
    registry._registry["pyres_jobs.Recorder"] = jobs.FromRuby

    outcome, error = perform(raw)

    assert error is None
    assert outcome is not None
    assert Payload.read(f'{{"class":"X","args":{outcome.result}}}').args == Payload.read(raw).args


def test_phps_null_is_no_argument_to_a_job_that_takes_none() -> None:
    outcome, error = perform(
        '{"class":"tests.project.jobs.untracked","args":[null],"id":"00000000000000000000000000000000"}'
    )

    assert (outcome, error) == (Outcome(), None)


def test_a_job_sees_itself(settings: Settings) -> None:
    seen: dict[str, Any] = {}

    class Looks(Job):
        name = "Looks"

        def perform(self, number: int) -> None:
            assert current_job() is self
            seen.update(vars(self), payload=self.payload)

    run(Looks, 7)

    assert seen["queue"] == "queue"
    assert seen["args"] == [7]
    assert seen["attempt"] == 1
    assert seen["id"] == "a" * 32
    assert seen["payload"]["class"] == "Looks"
    with pytest.raises(RuntimeError):
        current_job()


def test_a_result_is_kept_as_json() -> None:
    @job
    def answer(what: str) -> Any:
        return {"text": "é", "objects": object(), "long": "x" * 70_000, "none": None}[what]

    assert run(answer, "text").result == '"é"'
    assert run(answer, "none").result == "null"


@pytest.mark.parametrize("what", ["object", "long", "nan"])
def test_a_result_that_cannot_be_kept_is_null_with_a_warning(
    what: str, caplog: pytest.LogCaptureFixture
) -> None:
    values = {"object": object(), "long": "x" * 70_000, "nan": float("nan")}

    @job
    def answer() -> Any:
        return values[what]

    outcome = run(answer)

    assert outcome == Outcome(result="null")
    assert "result not kept" in caplog.text


@pytest.mark.parametrize(
    "error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit(), Exception()]
)
def test_whatever_a_job_raises_is_a_failure(error: BaseException) -> None:
    @job
    def raises() -> None:
        raise error

    outcome = run(raises)

    assert outcome.failure is not None
    assert outcome.failure.exception == type(error).__name__
    assert outcome.failure.backtrace[1].endswith("in raises")


def test_a_class_that_is_not_registered_is_never_imported() -> None:
    outcome, _ = perform('{"class":"antigravity","args":[]}')

    assert outcome is not None
    assert outcome.failure is not None
    assert outcome.failure.exception == "UnknownJob"


def test_arguments_that_do_not_fit_are_a_failure() -> None:
    outcome = run(jobs.note)

    assert outcome.failure is not None
    assert outcome.failure.exception == "TypeError"


def interrupted(guard: Guard) -> Any:
    def during(then: BaseException | None) -> str:
        try:
            guard.interrupt()
        except Interrupted:
            if then:
                raise then from None
        return "returned"

    return during


@pytest.mark.parametrize("then", [Interrupted(), ValueError("while cleaning up"), SystemExit()])
def test_any_exception_after_the_interrupt_means_put_back(then: BaseException) -> None:
    guard = Guard()
    during = interrupted(guard)

    @job(name="during")
    def interrupting() -> Any:
        return during(then)

    assert perform('{"class":"during"}', guard) == (None, then)


def test_returning_after_the_interrupt_means_done() -> None:
    guard = Guard()
    during = interrupted(guard)

    @job(name="during")
    def interrupting() -> Any:
        return during(None)

    assert perform('{"class":"during"}', guard) == (Outcome(result='"returned"'), None)


def test_an_interrupt_strikes_only_inside_the_job_and_once() -> None:
    guard = Guard()

    guard.interrupt()
    with guard:
        with pytest.raises(Interrupted):
            guard.interrupt()
        guard.interrupt()
    guard.interrupt()


def test_the_next_job_does_not_notice_the_last(settings: Settings) -> None:
    settings.DEBUG = True

    @job
    def leaves_traces() -> None:
        translation.activate("de")
        timezone.activate("Asia/Tokyo")
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    @job
    def looks() -> list[Any]:
        zone = timezone.get_current_timezone_name()
        return [translation.get_language(), zone, len(connection.queries)]

    run(leaves_traces)

    assert run(looks).result == '["en-us","Europe/Zurich",0]'
