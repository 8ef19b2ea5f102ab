"""A job that takes too long is told so at its time, and killed if it does not let go."""

import json
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from django_resque import Job, enqueue, enqueue_to, execution, job, wire
from tests.conftest import Farm, wait_for
from tests.project import jobs
from tests.test_waking import idle
from tests.test_working import alive, failures, lines, title

pytestmark = pytest.mark.django_db(transaction=True)


def late(trace: Path) -> list[float]:
    """Seconds after which jobs were told that their time is over."""
    return [float(line.split()[1]) for line in lines(trace) if line.startswith("late ")]


# How long a job may take.


def own_timeout(of: type[Job], default: float | None) -> float | None:
    held = wire.Reservation("w", "q", "", "", "", wire.Payload.new(of.name, [], "a" * 32, 1.0))
    return execution.timeout_of(held, default)


def test_a_jobs_own_timeout_comes_before_the_default() -> None:
    assert own_timeout(jobs.Timed, 9.0) == 0.4
    assert own_timeout(jobs.Sleep, 9.0) == 9.0
    assert own_timeout(jobs.Sleep, None) is None
    assert own_timeout(jobs.Patient, 9.0) is None


def test_a_job_that_nobody_knows_has_no_timeout() -> None:
    held = wire.Reservation("w", "q", "", "", "", wire.Payload.new("Nobody", [], "a" * 32, 1.0))

    assert execution.timeout_of(held, 9.0) is None


@pytest.mark.parametrize("wrong", [0, -1, "5", True, float("nan")])
def test_a_timeout_that_is_none_is_refused_where_the_job_is_defined(wrong: Any) -> None:
    sentence = re.escape(f"has the timeout {wrong!r}; it must be a number of seconds above 0")

    with pytest.raises(TypeError, match=f"^The job .*Wrong {sentence}"):
        type("Wrong", (Job,), {"timeout": wrong, "perform": lambda self: None})
    with pytest.raises(TypeError, match=f"^The job .*wrong_function {sentence}"):

        @job(timeout=wrong)
        def wrong_function() -> None: ...


# Its time is over.


def test_job_timeout_is_raised_in_the_job_and_is_its_failure(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    handle = enqueue(jobs.Timed, str(trace))

    work = farm("resque_work", "--burst", "--queue=slow")

    assert work.ends() == 0, work.output
    (failure,) = failures(redis)
    assert failure["exception"] == "JobTimeout"
    assert failure["error"] == "The job took longer than its timeout of 0.4 s."
    assert any("in _be_late" in line for line in failure["backtrace"])
    assert handle.status == "failed"
    assert [line.split()[0] for line in lines(trace)] == [
        "begin",
        "late",
        "tear_down",
        "on_failure",
    ]
    assert lines(trace)[-1] == "on_failure JobTimeout"
    assert 0.35 < late(trace)[0] < 1.4
    assert f"{handle.id} failed" in work.output


@pytest.mark.parametrize(
    ("words", "environment"), [(("--timeout=0.3",), {}), ((), {"RESQUE_TIMEOUT": "0.3"})]
)
def test_the_default_counts_for_those_without_one_of_their_own(
    farm: Farm, redis: Redis, trace: Path, words: tuple[str, ...], environment: dict[str, str]
) -> None:
    enqueue(jobs.Sleep, str(trace), 600)
    patient = enqueue(jobs.Patient, str(trace), 0.9)

    work = farm("resque_work", "--burst", "--queue=slow", "--count=2", *words, **environment)

    assert work.ends() == 0, work.output
    (failure,) = failures(redis)
    assert failure["exception"] == "JobTimeout"
    assert "its timeout of 0.3 s" in failure["error"]
    assert patient.status == "complete"
    assert lines(trace) == ["begin", "patient"]


def test_a_short_timeout_is_in_time_while_the_supervisor_sleeps(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    """It sleeps until its next beat: whoever has an earlier deadline has to ring."""
    idle(farm, redis, "--queue=slow")

    for number in (1, 2, 3):
        enqueue(jobs.timed, str(trace))
        wait_for(lambda: len(late(trace)) == number, "the job's end")  # noqa: B023 -- called here

    assert all(0.15 < seconds < 0.7 for seconds in late(trace)), late(trace)


def test_a_job_that_returns_after_its_timeout_is_done(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    handle = enqueue(jobs.Timed, str(trace), "return")

    work = farm("resque_work", "--burst", "--queue=slow")

    assert work.ends() == 0, work.output
    assert (handle.status, handle.result) == ("complete", "rescued")
    assert failures(redis) == []


# It does not let go.


def test_jobs_that_do_not_let_go_are_killed_with_all_they_have_started(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    """One holds the interpreter's lock, so that nothing can be raised in it."""
    other = trace.with_name("other trace")
    handles = [enqueue(jobs.Timed, str(trace), "children"), enqueue(jobs.Timed, str(other), "hold")]
    next_trace = trace.with_name("next trace")
    for _ in range(4):
        enqueue_to("slow", jobs.describe_process, str(next_trace))

    work = farm("resque_work", "--burst", "--queue=slow", "--count=2")

    assert work.ends() == 0, work.output
    assert [failure["exception"] for failure in failures(redis)] == ["JobTimeout"] * 2
    assert {failure["error"] for failure in failures(redis)} == {
        "The job took longer than its timeout of 0.4 s and did not let go within 2 s of "
        "JobTimeout; its processes were killed."
    }
    assert [handle.status for handle in handles] == ["failed"] * 2
    for each in (trace, other):  # In a process of its own: that of the job is no more.
        wait_for(lambda: lines(each)[-1] == "on_failure JobTimeout", "on_failure")  # noqa: B023
    begin, first, second, ignored, _ = lines(trace)
    assert ignored == "ignored"
    for child in (first, second):  # One in the job's process group, one in a session of its own.
        wait_for(lambda: not alive(int(child)), "the child is gone")  # noqa: B023 -- called here
    killed = {line.removeprefix("begin ") for line in (begin, lines(other)[0])}
    assert killed == set(map(str, work.worker_pids()[:2]))
    assert len(lines(next_trace)) == 4
    assert killed.isdisjoint(lines(next_trace))
    assert redis.get("resque:stat:failed") == b"2"


def test_the_next_job_never_pays_for_the_one_before(farm: Farm, redis: Redis, trace: Path) -> None:
    """Whose time is over gets a fresh process for its successor, however it ended."""
    for how in ("return", "late") * 3:
        enqueue(jobs.Timed, str(trace), how)
        enqueue_to("slow", jobs.describe_process, str(trace))

    work = farm("resque_work", "--burst", "--queue=slow", "--count=2")

    assert work.ends() == 0, work.output
    late_in = [line.split()[1] for line in lines(trace) if line.startswith("begin ")]
    alive_in = [line for line in lines(trace) if line.isdecimal()]
    assert len(set(late_in)) == 6
    assert len(alive_in) == 6
    assert [failure["exception"] for failure in failures(redis)] == ["JobTimeout"] * 3
    assert "worker died" not in work.output


def test_a_stop_while_a_job_does_not_let_go_ends_in_one_failure(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    enqueue(jobs.Timed, str(trace), "ignore")
    waiting = enqueue_to("slow", jobs.note, str(trace))
    work = farm("resque_work", "--queue=slow")
    wait_for(lambda: "ignored" in lines(trace), "the job has ignored its timeout")
    stopped = time.monotonic()

    work.send(signal.SIGTERM)

    assert work.ends() == 0, work.output
    assert time.monotonic() - stopped < 5
    assert [failure["exception"] for failure in failures(redis)] == ["JobTimeout"]
    assert waiting.status == "waiting"
    assert redis.keys("resque:worker*") == []


def test_a_second_term_puts_a_job_back_that_is_told_of_its_timeout(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    """Interrupted before it was killed: it costs it nothing."""
    handle = enqueue(jobs.Timed, str(trace), "ignore")
    work = farm("resque_work", "--queue=slow")
    wait_for(lambda: "ignored" in lines(trace), "the job has ignored its timeout")

    work.send(signal.SIGTERM)
    wait_for(lambda: "stopping 1 of" in title(work.pid), "the title says stopping")
    work.send(signal.SIGTERM)

    assert work.ends() == 0, work.output
    assert failures(redis) == []
    assert handle.status == "waiting"
    (raw,) = redis.lrange("resque:queue:slow", 0, -1)
    assert json.loads(raw)["id"] == handle.id
