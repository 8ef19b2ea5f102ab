"""`resque_work` as a process: jobs are performed, stops are kept, deaths are answered for."""

import json
import os
import re
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from django_resque import enqueue, enqueue_to
from tests.conftest import Farm, gone, names, wait_for
from tests.project import jobs

pytestmark = pytest.mark.django_db(transaction=True)


def lines(trace: Path) -> list[str]:
    return trace.read_text("utf-8").split("\n")[:-1] if trace.exists() else []


def failures(redis: Redis) -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in redis.lrange("resque:failed", 0, -1)]


def begun(trace: Path) -> None:
    wait_for(lambda: "begin" in lines(trace), "the job's begin")


def leftovers(redis: Redis) -> list[str]:
    """Keys that a clean end must not leave."""
    return names(redis.keys("resque:worker*"))


def test_jobs_are_performed_and_reported(farm: Farm, redis: Redis, trace: Path) -> None:
    handle = enqueue(jobs.note, str(trace), text="hello")

    work = farm("resque_work", "--burst", "--count=2")

    assert work.ends() == 0, work.output
    assert lines(trace) == ["hello"]
    assert (handle.status, handle.result) == ("complete", "hello")
    assert work.output.count("*** Starting worker ") == 2
    line = next(line for line in work.output.splitlines() if handle.id in line)
    clock, queue, name, job_id, ended, seconds = line.split(" ")
    assert len(clock) == len("12:03:04")
    assert (queue, name, job_id, ended) == (
        "default", "tests.project.jobs.note", handle.id, "done",
    )  # fmt: skip
    assert float(seconds.removesuffix("s")) < 5
    assert leftovers(redis) == []


def test_the_first_workers_have_beats_while_the_last_are_forked(farm: Farm) -> None:
    work = farm("resque_work", "--count=60", "--debug", RESQUE_HEARTBEAT="0.1")

    work.says("*** Starting worker ", times=60)

    beating = [int(found) for found in re.findall(r"beat workers=(\d+)", work.output)]
    assert [count for count in beating if 0 < count < 60], beating


def test_a_quiet_worker_prints_no_line_per_job(farm: Farm, trace: Path) -> None:
    enqueue(jobs.note, str(trace))

    work = farm("resque_work", "--burst", "-v", "0")

    assert work.ends() == 0
    assert lines(trace) == ["ran"]
    assert "done" not in work.output


def test_every_kind_of_failure_is_visible_and_ends_no_worker(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    handle = enqueue(jobs.fail, "no such card")
    enqueue(jobs.leave_by, "sys.exit")
    enqueue_to("default", "Unknown::Class", 1)
    redis.rpush("resque:queue:default", b"\xff", "[1]", "")
    enqueue(jobs.note, str(trace))

    work = farm("resque_work", "--burst")

    assert work.ends() == 0, work.output
    found = [(failure["exception"], failure["error"]) for failure in failures(redis)]
    assert found[0] == ("tests.project.jobs.Boom", "no such card")
    assert found[1] == ("SystemExit", "3")
    assert found[2][0] == "UnknownJob"
    assert [exception for exception, _ in found[3:]] == ["InvalidPayload"] * 3
    assert failures(redis)[0]["backtrace"][1].endswith("in fail")
    assert lines(trace) == ["ran"]
    assert handle.status == "failed"
    assert f"{handle.id} failed" in work.output
    assert "*** Starting worker" in work.output
    assert work.output.count("*** Starting worker") == 1
    assert redis.get("resque:stat:processed") == b"7"
    assert redis.get("resque:stat:failed") == b"6"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("os._exit", "exited with code 0"),
        ("SIGKILL", "was killed by SIGKILL"),
        ("SIGSEGV", "was killed by SIGSEGV"),
    ],
)
def test_a_job_that_ends_its_process_fails_and_the_worker_is_replaced(
    farm: Farm, redis: Redis, trace: Path, how: str, said: str
) -> None:
    dying = enqueue(jobs.leave_by, how)
    enqueue(jobs.note, str(trace))

    work = farm("resque_work", "--burst")

    assert work.ends() == 0, work.output
    (failure,) = failures(redis)
    assert failure["exception"] == "DirtyExit"
    assert said in failure["error"]
    assert failure["payload"]["id"] == dying.id
    assert dying.status == "failed"
    assert lines(trace) == ["ran"]
    assert leftovers(redis) == []
    assert redis.get("resque:stat:failed") == b"1"


def daemons(trace: Path, *, times: int = 1) -> list[list[int]]:
    """For each job the pid of its process, and those that it began outside of its group."""
    wait_for(lambda: len(lines(trace)) == 2 * times, "daemons are begun")
    pids = [list(map(int, line.split())) for line in lines(trace)]
    return [[*pids[at], *pids[at + 1]] for at in range(0, len(pids), 2)]


@pytest.mark.parametrize("flags", [[], ["--fork-per-job"]])
def test_what_a_killed_job_began_is_gone_before_its_failure_stands(
    farm: Farm, redis: Redis, trace: Path, flags: list[str]
) -> None:
    enqueue(jobs.start_daemons, str(trace))
    farm("resque_work", "--queue=slow", *flags)
    ((process, *began),) = daemons(trace)

    os.kill(process, signal.SIGKILL)

    wait_for(lambda: failures(redis), "the failure")
    assert [pid for pid in began if Path(f"/proc/{pid}").exists()] == []


def test_what_a_job_began_ends_with_a_supervisor_that_is_killed_when_the_next_one_starts(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    enqueue(jobs.start_a_child, str(trace))
    work = farm("resque_work")
    began = int(wait_for(lambda: lines(trace), "the child")[0])
    work.send(signal.SIGKILL)
    work.ends()
    gone(work.worker_pids()[0])
    assert Path(f"/proc/{began}").exists()

    farm("resque_work")

    wait_for(lambda: failures(redis), "the failure")
    gone(began)


def test_what_other_jobs_left_outlives_the_crash_of_a_worker(
    farm: Farm, redis: Redis, trace: Path, tmp_path: Path
) -> None:
    enqueue(jobs.start_daemons, str(trace), 0)
    work = farm("resque_work", "--queue=slow,default", "--max-jobs=1")
    (left,) = daemons(trace)
    work.says("*** Starting worker ", times=2)
    enqueue(jobs.start_daemons, str(tmp_path / "running"))
    (running,) = daemons(tmp_path / "running")

    os.kill(running[0], signal.SIGKILL)

    wait_for(lambda: failures(redis), "the failure")
    alive = [pid for pid in left[1:] if Path(f"/proc/{pid}").exists()]
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
    assert alive == left[1:]


def test_a_job_knows_what_it_is(farm: Farm, trace: Path) -> None:
    handle = enqueue_to("elsewhere", jobs.describe, str(trace))

    assert farm("resque_work", "--burst", "--queue=elsewhere").ends() == 0

    assert lines(trace) == [f"{handle.id} elsewhere 1 {[str(trace)]}"]


def test_queues_are_worked_in_the_order_given(farm: Farm, trace: Path) -> None:
    enqueue_to("low", jobs.note, str(trace), "low")
    enqueue_to("high", jobs.note, str(trace), "high")

    assert farm("resque_work", "--burst", "--queue=high", "--queue=low").ends() == 0

    assert lines(trace) == ["high", "low"]


def test_one_round_trip_lies_between_two_jobs(farm: Farm, redis: Redis) -> None:
    for _ in range(200):
        enqueue(jobs.untracked)
    redis.config_resetstat()

    assert farm("resque_work", "--burst").ends() == 0

    calls = redis.info("commandstats")
    scripts = calls["cmdstat_evalsha"]["calls"] + calls.get("cmdstat_eval", {"calls": 0})["calls"]
    assert redis.get("resque:stat:processed") == b"200"
    # One for each job, and a few for the worker's own life: register, beat, give up, NOSCRIPT.
    assert 200 <= scripts <= 212


# Stopping.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_an_idle_worker_stops_at_once(farm: Farm, redis: Redis, number: signal.Signals) -> None:
    work = farm("resque_work", "--interval=600", "--count=2")
    wait_for(lambda: len(redis.smembers("resque:workers")) == 2, "both workers registered")

    work.send(number)

    assert work.ends(10) == 0, work.output
    assert leftovers(redis) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_running_job_may_finish(farm: Farm, trace: Path, number: signal.Signals) -> None:
    handle = enqueue(jobs.Sleep, str(trace), 1.0)
    work = farm("resque_work", "--queue=slow")
    begun(trace)

    work.send(number)

    assert work.ends() == 0, work.output
    assert lines(trace) == ["begin", "end"]
    assert handle.status == "complete"
    (said,) = re.findall(r"\*\*\* Stopping, waiting(.*) for running jobs: 1\.", work.output)
    assert said == ("" if number == signal.SIGQUIT else " 25 s at most")


def test_after_the_grace_a_job_is_interrupted_and_put_back(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    handle = enqueue(jobs.Sleep, str(trace), 600)
    enqueue_to("slow", jobs.note, str(trace))
    work = farm("resque_work", "--queue=slow", RESQUE_STOP_TIMEOUT="0.5")
    begun(trace)

    work.send(signal.SIGTERM)

    assert work.ends() == 0, work.output
    assert lines(trace) == ["begin", "interrupted"]
    assert handle.status == "waiting"
    first = redis.lindex("resque:queue:slow", 0)
    assert first is not None
    assert json.loads(first)["id"] == handle.id
    assert redis.llen("resque:queue:slow") == 2
    assert failures(redis) == []
    assert leftovers(redis) == []
    assert f"{handle.id} put back" in work.output


def test_a_job_that_ignores_the_interrupt_is_killed_and_put_back(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    handle = enqueue(jobs.stubborn, str(trace), 600)
    work = farm("resque_work", "--queue=slow", RESQUE_STOP_TIMEOUT="0.2")
    begun(trace)
    stopped = time.monotonic()

    work.send(signal.SIGTERM)

    assert work.ends() == 0, work.output
    assert 2 < time.monotonic() - stopped < 4.5
    assert lines(trace) == ["begin", "ignored"]
    assert handle.status == "waiting"
    assert redis.llen("resque:queue:slow") == 1
    assert failures(redis) == []
    assert leftovers(redis) == []


def test_a_job_that_returns_after_the_interrupt_is_done(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    handle = enqueue(jobs.stubborn, str(trace), 1.5)
    work = farm("resque_work", "--queue=slow", RESQUE_STOP_TIMEOUT="0.2")
    begun(trace)

    work.send(signal.SIGTERM)

    assert work.ends() == 0, work.output
    assert lines(trace) == ["begin", "ignored", "end"]
    assert handle.status == "complete"
    assert redis.llen("resque:queue:slow") == 0


def test_a_second_term_interrupts_now(farm: Farm, trace: Path) -> None:
    handle = enqueue(jobs.Sleep, str(trace), 600)
    work = farm("resque_work", "--queue=slow")
    begun(trace)

    work.send(signal.SIGTERM)
    work.send(signal.SIGQUIT)  # Does not hasten anything.
    wait_for(lambda: title(work.pid).endswith("stopping 1 of slow"), "the title says stopping")
    work.send(signal.SIGTERM)

    assert work.ends(10) == 0, work.output
    assert lines(trace) == ["begin", "interrupted"]
    assert handle.status == "waiting"


def test_signals_that_come_until_the_very_end_do_not_spoil_the_exit_code(
    farm: Farm, redis: Redis
) -> None:
    work = farm("resque_work", "--interval=600")
    wait_for(lambda: redis.smembers("resque:workers"), "the worker registered")

    def sent() -> bool:
        work.send(signal.SIGTERM)
        return work.process.poll() is not None

    wait_for(sent, "the end")

    assert work.ends() == 0, work.output


def test_two_ints_at_once_are_one(farm: Farm, trace: Path) -> None:
    """tox and some terminals send INT twice; that must not cut a job short."""
    handle = enqueue(jobs.Sleep, str(trace), 1.0)
    work = farm("resque_work", "--queue=slow")
    begun(trace)

    work.send(signal.SIGINT)
    wait_for(lambda: title(work.pid).endswith("stopping 1 of slow"), "the title says stopping")
    work.send(signal.SIGINT)

    assert work.ends() == 0, work.output
    assert lines(trace) == ["begin", "end"]
    assert handle.status == "complete"


def test_a_signal_to_a_worker_process_stops_that_worker_only(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    work = farm("resque_work", "--interval=0.1", "--count=2")
    wait_for(lambda: len(redis.smembers("resque:workers")) == 2, "both workers registered")
    first, second = work.worker_pids()

    os.kill(first, signal.SIGTERM)

    wait_for(lambda: len(redis.smembers("resque:workers")) == 1, "one worker gone")
    enqueue(jobs.note, str(trace))
    wait_for(lambda: lines(trace), "the other one works on")
    assert work.worker_pids() == [first, second]
    os.kill(second, signal.SIGTERM)
    assert work.ends() == 0, work.output


def test_a_worker_process_told_directly_has_a_deadline_too(farm: Farm, trace: Path) -> None:
    handle = enqueue(jobs.Sleep, str(trace), 600)
    work = farm("resque_work", "--queue=slow", RESQUE_STOP_TIMEOUT="0.5")
    begun(trace)

    os.kill(work.worker_pids()[0], signal.SIGTERM)

    assert work.ends() == 0, work.output
    assert lines(trace) == ["begin", "interrupted"]
    assert handle.status == "waiting"


# Dying.


def test_workers_die_with_their_supervisor(farm: Farm, redis: Redis, trace: Path) -> None:
    enqueue(jobs.Sleep, str(trace), 600)
    work = farm("resque_work", "--queue=slow", "--count=2")
    begun(trace)
    wait_for(lambda: len(work.worker_pids()) == 2, "both workers started")

    work.send(signal.SIGKILL)

    for pid in work.worker_pids():
        gone(pid)


def test_the_next_supervisor_here_answers_for_the_dead_one_at_once(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    handle = enqueue(jobs.Sleep, str(trace), 600)
    dead = farm("resque_work", "--queue=slow")
    begun(trace)
    dead.send(signal.SIGKILL)
    dead.ends()
    (pid,) = dead.worker_pids()
    gone(pid)

    work = farm("resque_work", "--burst", "--queue=other")

    assert work.ends() == 0, work.output
    (failure,) = failures(redis)
    assert failure["exception"] == "DirtyExit"
    assert "is gone while it performed the job" in failure["error"]
    assert handle.status == "failed"
    assert leftovers(redis) == []


def test_what_a_killed_job_started_is_ended_too(farm: Farm, redis: Redis, trace: Path) -> None:
    enqueue(jobs.start_a_child, str(trace))
    work = farm("resque_work", "--interval=0.1")
    wait_for(lambda: lines(trace), "the job's child has started")
    child = int(lines(trace)[0])

    os.kill(work.worker_pids()[0], signal.SIGKILL)

    wait_for(lambda: failures(redis), "the failure")
    wait_for(lambda: not alive(child), "the job's child is gone")


def test_an_idle_worker_that_is_killed_is_replaced(farm: Farm, redis: Redis) -> None:
    work = farm("resque_work", "--interval=0.1")
    wait_for(lambda: redis.smembers("resque:workers"), "the worker registered")
    (first,) = work.worker_pids()

    os.kill(first, signal.SIGKILL)

    work.says("*** Starting worker", times=2)
    wait_for(
        lambda: [str(first) in str(name) for name in redis.smembers("resque:workers")] == [False],
        "the new worker registered and the dead one forgotten",
    )
    assert failures(redis) == []


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text("ascii")
    except OSError:
        return False


def title(pid: int) -> str:
    raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    return raw.rstrip(b"\0 ").decode()


def test_titles_tell_what_is_going_on(farm: Farm, trace: Path) -> None:
    enqueue(jobs.Sleep, str(trace), 1.0)
    work = farm("resque_work", "--queue=slow")
    begun(trace)
    (pid,) = work.worker_pids()

    assert title(pid).startswith("resque-0.1.0: Processing slow since 1")
    assert title(pid).endswith("[tests.project.jobs.Sleep]")
    wait_for(lambda: title(work.pid) == "resque-0.1.0: supervising 1 of slow", "its own title")
    wait_for(lambda: title(pid) == "resque-0.1.0: Waiting for slow", "the waiting title")


# Redis in trouble.


def test_workers_survive_a_redis_that_forgets_everything(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    work = farm("resque_work", "--interval=0.1", RESQUE_HEARTBEAT="0.2")
    wait_for(lambda: redis.smembers("resque:workers"), "the worker registered")

    redis.flushall()
    redis.script_flush()

    enqueue(jobs.note, str(trace))
    wait_for(lambda: lines(trace), "the job is performed")
    wait_for(lambda: redis.smembers("resque:workers"), "the worker registered again")
    work.send(signal.SIGTERM)
    assert work.ends() == 0, work.output


def test_a_cut_connection_is_not_noticed_by_a_running_job(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    handle = enqueue(jobs.Sleep, str(trace), 1.0)
    work = farm("resque_work", "--queue=slow", "--interval=0.1")
    begun(trace)

    redis.client_kill_filter(_type="normal", skipme=True)

    wait_for(lambda: handle.status == "complete", "the job is settled")
    assert failures(redis) == []
    work.send(signal.SIGTERM)
    assert work.ends() == 0, work.output
    assert work.output.count("Starting worker") == 1


def more_than(redis: Redis, done: int) -> bool:
    return int(redis.get("resque:stat:processed") or 0) > done


def test_a_job_taken_at_the_very_moment_of_the_stop_is_not_lost(farm: Farm, redis: Redis) -> None:
    """Stops in the middle of a stream of jobs: each is done once or still waits."""
    handles = [enqueue(jobs.untracked) for _ in range(5000)]

    for _ in range(4):
        done = int(redis.get("resque:stat:processed") or 0)
        work = farm("resque_work", "--count=2", "-v", "0")
        wait_for(partial(more_than, redis, done), "some jobs are done")
        work.send(signal.SIGTERM)

        assert work.ends() == 0, work.output
        done = int(redis.get("resque:stat:processed") or 0)
        assert done + redis.llen("resque:queue:default") == len(handles)
    assert failures(redis) == []
