"""One job: what it is given, how its end is told, and what it leaves behind for the next."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone, translation
from pytest_django import Settings

from django_resque import DontPerform, Interrupted, Job, current_job, execution, job
from django_resque.execution import Guard
from django_resque.outcome import Outcome
from django_resque.registry import registry
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


# Hooks.


class Hooked(Job, abstract=True):
    """Writes down which hooks were called."""

    calls: list[str]

    def before_perform(self) -> None:
        self.calls.append("before_perform")

    def set_up(self) -> None:
        self.calls.append("set_up")

    def around_perform(self, perform: Callable[[], Any]) -> Any:
        self.calls.append("around in")
        result = perform()
        self.calls.append("around out")
        return result

    def tear_down(self) -> None:
        self.calls.append("tear_down")

    def after_perform(self) -> None:
        self.calls.append("after_perform")

    def on_failure(self, exception: BaseException) -> None:
        self.calls.append(f"on_failure {type(exception).__name__}")


def hooked(failing: str = "", error: BaseException | None = None) -> tuple[list[str], Outcome]:
    """The calls of a job whose hook of this name raises, and its outcome."""
    calls: list[str] = []

    class Found(Hooked):
        name = "hooked"

        def perform(self) -> str:
            calls.append("perform")
            return "result"

    Found.calls = calls
    if failing:
        before = getattr(Found, failing)

        def raising(self: Any, *args: Any) -> Any:
            before(self, *args)
            raise error or ValueError(failing)

        setattr(Found, failing, raising)
    return calls, run(Found)


ALL = [
    "before_perform", "set_up", "around in", "perform", "around out", "tear_down", "after_perform",
]  # fmt: skip


def test_hooks_are_called_in_their_order() -> None:
    calls, outcome = hooked()

    assert calls == ALL
    assert outcome == Outcome(result='"result"')


@pytest.mark.parametrize(
    ("failing", "called"),
    [
        ("before_perform", ["before_perform"]),
        ("set_up", ["before_perform", "set_up"]),
        ("perform", ["before_perform", "set_up", "around in", "perform", "tear_down"]),
        ("around_perform", [*ALL[:5], "tear_down"]),
        ("tear_down", ALL[:6]),
        ("after_perform", ALL),
    ],
)
def test_a_hook_that_raises_fails_the_job(failing: str, called: list[str]) -> None:
    calls, outcome = hooked(failing)

    assert calls == [*called, "on_failure ValueError"]
    assert outcome.failure is not None
    assert outcome.failure.error == failing


def test_dont_perform_skips_the_job() -> None:
    calls, outcome = hooked("before_perform", DontPerform())

    assert calls == ["before_perform"]
    assert outcome == Outcome(result="false")


@pytest.mark.parametrize("raised", [ZeroDivisionError(), SystemExit(3), KeyboardInterrupt()])
def test_what_on_failure_raises_does_not_hide_the_failure(
    caplog: pytest.LogCaptureFixture, raised: BaseException
) -> None:
    class Loud(Job):
        def perform(self) -> None:
            raise ValueError("first")

        def on_failure(self, exception: BaseException) -> None:
            raise raised

    outcome = run(Loud)

    assert outcome.failure is not None
    assert outcome.failure.error == "first"
    assert "on_failure failed" in caplog.text


def test_an_around_that_does_not_call_skips_the_perform() -> None:
    class Skipping(Job):
        def around_perform(self, perform: Callable[[], Any]) -> Any:
            return "instead"

        def perform(self) -> None:
            raise AssertionError

    assert run(Skipping).result == '"instead"'


def test_arguments_by_name_are_received_as_php_sends_them() -> None:
    @job(name="ByName", args_style="kwargs")
    def named(user: int = 0, greeting: str = "hello") -> Any:
        return [user, greeting]

    def result(args: str) -> str:
        outcome, _ = perform(f'{{"class":"ByName","args":{args}}}')
        assert outcome is not None
        assert outcome.failure is None
        return outcome.result

    assert result('[{"user":7,"greeting":"hi"}]') == '[7,"hi"]'
    assert result('[{"user":7}]') == '[7,"hello"]'
    assert result("[null]") == result("[[]]") == result("[]") == '[0,"hello"]'
    assert result("[7]") == '[7,"hello"]'


@pytest.mark.parametrize("kind", ["coroutine", "generator"])
def test_a_function_that_a_call_does_not_run_is_no_job(kind: str) -> None:
    async def coroutine() -> None: ...

    def generator() -> Iterator[None]:
        yield

    with pytest.raises(TypeError, match="is async or a generator"):
        job({"coroutine": coroutine, "generator": generator}[kind])


def test_a_result_whose_reading_raises_does_not_undo_the_job() -> None:
    class Odd(dict[str, Any]):
        def items(self) -> Any:
            raise ZeroDivisionError

    @job
    def odd() -> Any:
        return Odd(a=1)

    assert run(odd) == Outcome(result="null")


def test_an_exception_whose_text_exits_is_a_failure() -> None:
    class Rude(Exception):
        def __str__(self) -> str:
            raise SystemExit(1)

    @job
    def rude() -> None:
        raise Rude

    outcome = run(rude)

    assert outcome.failure is not None
    assert "__str__ raised SystemExit" in outcome.failure.error
