"""Operating workers: kill jobs, pause and resume, read titles, replace and isolate processes."""

import os
import re
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from redis import Redis

from django_resque import control, enqueue, enqueue_to
from django_resque.about import About
from django_resque.board import Place, State
from django_resque.child import Child
from django_resque.crew import Crew
from django_resque.store import Store
from tests.conftest import Command, Farm, gone, wait_for
from tests.project import jobs
from tests.test_waking import all_wait, idle, quiet
from tests.test_working import alive, begun, failures, leftovers, lines, title

pytestmark = pytest.mark.django_db(transaction=True)


def titled(pid: int, text: str) -> str:
    """Waits until the title of a process has this text; answers the title."""
    return str(wait_for(lambda: text in title(pid) and title(pid), f"{text!r} in the title"))


def beginnings(trace: Path, count: int) -> None:
    wait_for(lambda: lines(trace).count("begin") == count, f"{count} jobs have begun")


def stopped(work: Command) -> None:
    work.send(signal.SIGTERM)
    assert work.ends() == 0, work.output


# Killing jobs.


def test_usr1_kills_all_running_jobs_and_nobody_who_waits(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    work = idle(farm, redis, "--queue=slow,default", count=3)
    before = work.worker_pids()
    handles = [enqueue(jobs.Sleep, str(trace), 600) for _ in range(2)]
    beginnings(trace, 2)

    work.send(signal.SIGUSR1)

    wait_for(lambda: len(failures(redis)) == 2, "both jobs have failed")
    assert {failure["exception"] for failure in failures(redis)} == {"DirtyExit"}
    assert {failure["error"] for failure in failures(redis)} == {
        "The job and its processes were killed by an operator."
    }
    assert [handle.status for handle in handles] == ["failed", "failed"]
    work.says("*** Starting worker", times=5)
    assert sum(Path(f"/proc/{pid}").exists() for pid in before) == 1
    enqueue(jobs.note, str(trace))
    wait_for(lambda: "ran" in lines(trace), "work goes on")
    stopped(work)


def test_usr1_to_one_worker_kills_its_job_only(farm: Farm, redis: Redis, trace: Path) -> None:
    work = farm("resque_work", "--queue=slow", "--count=2")
    for _ in range(2):
        enqueue(jobs.Sleep, str(trace), 600)
    beginnings(trace, 2)
    first, second = work.worker_pids()

    os.kill(first, signal.SIGUSR1)

    gone(first)
    wait_for(lambda: failures(redis), "the failure")
    assert [failure["exception"] for failure in failures(redis)] == ["DirtyExit"]
    assert "killed by an operator" in failures(redis)[0]["error"]
    assert f":{first}:" in failures(redis)[0]["worker"]
    assert "Processing" in title(second)


@pytest.mark.parametrize("of", ["supervisor", "worker"])
def test_usr1_harms_nobody_who_is_idle(farm: Farm, redis: Redis, trace: Path, of: str) -> None:
    work = idle(farm, redis)
    (pid,) = work.worker_pids()

    os.kill(work.pid if of == "supervisor" else pid, signal.SIGUSR1)

    enqueue(jobs.describe_process, str(trace))
    wait_for(lambda: lines(trace), "work goes on")
    assert lines(trace) == [str(pid)]
    assert failures(redis) == []


def test_an_order_kills_the_very_job_that_is_meant(
    farm: Farm, store: Store, redis: Redis, trace: Path
) -> None:
    """Through Redis, as from another machine."""
    work = farm("resque_work", "--queue=slow", "--count=2", "--interval=60")
    for _ in range(2):
        enqueue(jobs.Sleep, str(trace), 600)
    beginnings(trace, 2)
    meant, other = sorted(store.leases())
    held = store.in_hand(meant)
    assert held

    assert not control.kill(store, other, held.token)
    assert control.kill(store, meant, held.token)

    wait_for(lambda: failures(redis), "the failure", 4)
    (failure,) = failures(redis)
    assert failure["payload"]["id"] == held.payload.id
    assert failure["error"] == "The job and its processes were killed by an operator."
    assert store.in_hand(other)
    assert not control.kill(store, meant, held.token)
    work.says("*** Starting worker", times=3)


def test_the_next_job_is_never_killed_in_place_of_one_that_has_ended(
    farm: Farm, store: Store, redis: Redis, trace: Path
) -> None:
    work = farm("resque_work", "--queue=slow", "--interval=60")
    enqueue(jobs.Sleep, str(trace), 0)
    wait_for(lambda: "end" in lines(trace), "the first")
    handle = enqueue(jobs.Sleep, str(trace), 1)
    beginnings(trace, 2)
    ((worker_id, about),) = store.about().items()
    first = redis.hget("resque:workers:settled", worker_id)
    assert about
    assert isinstance(first, bytes)

    store.order_kill(worker_id, about.birth, first.decode())

    wait_for(lambda: handle.status == "complete", "the second")
    assert failures(redis) == []
    assert len(work.worker_pids()) == 1


def test_a_late_order_for_the_last_job_never_condemns_the_one_that_begins() -> None:
    """It comes between any two lines of the beginning."""
    crew = Crew(1, 1.0)
    place, ear, bell = crew.place()
    child = Child(os.getpid(), place, bell, About("m", 1, "1", 1, "1", "0"), "h:1:q", 0.0, 0.0)
    place.begin("a" * 32, None)
    place.state = State.BETWEEN
    seen: list[int] = []

    def order(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code is Place.begin.__code__ and event == "line":
            seen.append(frame.f_lineno)
            crew.kill_job(child, "a" * 32)
        return order

    before = sys.gettrace()
    sys.settrace(order)
    place.begin("b" * 32, None)
    sys.settrace(before)

    assert len(seen) > 5
    assert not place.job_condemned
    assert not child.killed
    os.close(ear)
    os.close(bell)
    crew.close()


def test_a_job_that_ends_while_it_is_condemned_is_the_workers_last() -> None:
    """So what is killed then is no other job. The supervisor finds it between two jobs."""
    crew = Crew(1, 1.0)
    place, ear, bell = crew.place()
    child = Child(os.getpid(), place, bell, About("m", 1, "1", 1, "1", "0"), "h:1:q", 0.0, 0.0)
    place.begin("a" * 32, None)
    place.state = State.BETWEEN

    condemned = []
    for token in ("b" * 32, "a" * 32):
        crew.kill_job(child, token)
        condemned.append(place.job_condemned)
    place.begin("c" * 32, None)
    condemned.append(place.job_condemned)

    assert condemned == [False, True, False]
    assert not child.killed
    os.close(ear)
    os.close(bell)
    crew.close()


# Pausing.


def test_usr2_pauses_all_and_cont_resumes_at_once(farm: Farm, redis: Redis, trace: Path) -> None:
    work = idle(farm, redis, "--queue=slow,default", count=2)
    running = enqueue(jobs.Sleep, str(trace), 0.5)
    begun(trace)

    work.send(signal.SIGUSR2)
    titled(work.pid, ": supervising paused 2 of slow,default")
    enqueue(jobs.note, str(trace))

    for pid in work.worker_pids():
        titled(pid, ": Paused")
    assert running.status == "complete"
    quiet(redis)
    assert lines(trace) == ["begin", "end"]
    work.send(signal.SIGCONT)
    wait_for(lambda: "ran" in lines(trace), "work goes on", 3)
    titled(work.pid, ": supervising 2 of slow,default")
    wait_for(lambda: all_wait(work, 2), "nobody is called paused any more")
    stopped(work)


def test_usr2_to_one_worker_pauses_that_one_only(farm: Farm, redis: Redis, trace: Path) -> None:
    work = idle(farm, redis, count=2)
    first, second = work.worker_pids()

    os.kill(first, signal.SIGUSR2)

    titled(first, ": Paused")
    for _ in range(6):
        enqueue(jobs.describe_process, str(trace))
    wait_for(lambda: len(lines(trace)) == 6, "its sibling works on")
    assert set(lines(trace)) == {str(second)}
    os.kill(second, signal.SIGUSR2)
    titled(second, ": Paused")
    enqueue(jobs.describe_process, str(trace))
    os.kill(first, signal.SIGCONT)
    wait_for(lambda: len(lines(trace)) == 7, "the first works again", 3)
    assert lines(trace)[-1] == str(first)
    titled(work.pid, ": supervising 2 of")


def test_a_paused_worker_stops_like_any_other(farm: Farm, redis: Redis) -> None:
    work = idle(farm, redis, count=2)
    work.send(signal.SIGUSR2)
    for pid in work.worker_pids():
        titled(pid, ": Paused")

    stopped(work)

    assert leftovers(redis) == []


def test_a_pause_survives_the_death_of_a_worker(farm: Farm, redis: Redis, trace: Path) -> None:
    work = idle(farm, redis)
    work.send(signal.SIGUSR2)
    titled(work.worker_pids()[0], ": Paused")

    os.kill(work.worker_pids()[0], signal.SIGKILL)

    work.says("*** Starting worker", times=2)
    titled(work.worker_pids()[1], ": Paused")
    enqueue(jobs.note, str(trace))
    quiet(redis)
    assert lines(trace) == []
    work.send(signal.SIGCONT)
    wait_for(lambda: lines(trace), "work goes on", 3)


def test_a_burst_that_is_paused_waits_for_its_end(farm: Farm, redis: Redis, trace: Path) -> None:
    enqueue(jobs.Sleep, str(trace), 0.5)
    enqueue_to("slow", jobs.note, str(trace))
    work = farm("resque_work", "--burst", "--queue=slow")
    begun(trace)

    work.send(signal.SIGUSR2)

    titled(work.worker_pids()[0], ": Paused")
    assert lines(trace) == ["begin", "end"]
    work.send(signal.SIGCONT)
    assert work.ends() == 0, work.output
    assert lines(trace) == ["begin", "end", "ran"]


# Titles.


def test_titles_tell_the_truth(farm: Farm, redis: Redis, trace: Path) -> None:
    work = idle(farm, redis, "--queue=slow")
    (pid,) = work.worker_pids()
    seen = [title(work.pid), title(pid)]
    assert seen[0].endswith(": supervising 1 of slow")
    assert seen[1].endswith(": Waiting for slow")

    now = int(time.time())
    enqueue(jobs.Sleep, str(trace), 1.0)
    begun(trace)
    seen.append(title(pid))
    found = re.search(r": Processing slow since (\d+) \[tests\.project\.jobs\.Sleep\]$", seen[-1])
    assert found
    assert now <= int(found[1]) <= int(time.time())

    work.send(signal.SIGTERM)
    seen.append(titled(work.pid, ": stopping 1 of slow"))
    assert work.ends() == 0, work.output
    for each in seen:  # What Ruby's pruner looks for.
        assert re.match(r"resque-\d", each), each


# Replacing processes.


def test_max_jobs_replaces_a_process_after_so_many(farm: Farm, redis: Redis, trace: Path) -> None:
    handles = [enqueue(jobs.describe_process, str(trace)) for _ in range(26)]
    began = time.monotonic()

    work = farm("resque_work", "--burst", "--max-jobs=3")

    assert work.ends() == 0, work.output
    assert [handle.status for handle in handles] == ["complete"] * 26
    pids = list(dict.fromkeys(lines(trace)))
    assert [lines(trace).count(pid) for pid in pids] == [3] * 8 + [2]
    assert pids == [str(pid) for pid in work.worker_pids()]
    assert "worker died" not in work.output
    assert failures(redis) == []
    assert leftovers(redis) == []
    # Eight that had died early would be waited for 0.5 + 1 + 2 + 4 + 8 seconds.
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(("megabytes", "processes"), [("1", 4), ("100000", 1)])
def test_max_rss_replaces_a_process_that_has_grown(
    farm: Farm, redis: Redis, trace: Path, megabytes: str, processes: int
) -> None:
    for _ in range(4):
        enqueue(jobs.describe_process, str(trace))

    work = farm("resque_work", "--burst", f"--max-rss={megabytes}")

    assert work.ends() == 0, work.output
    assert len(lines(trace)) == 4
    assert len(set(lines(trace))) == processes
    assert "worker died" not in work.output
    assert failures(redis) == []


# A process for each job.


def test_each_job_has_a_process_of_its_own(farm: Farm, redis: Redis, trace: Path) -> None:
    done = [enqueue(jobs.remember, str(trace), text) for text in ("a", "b", "c")]
    noted = enqueue(jobs.note, str(trace), "result")
    failed = enqueue(jobs.fail, "no such card")

    work = farm("resque_work", "--burst", "--fork-per-job")

    assert work.ends() == 0, work.output
    pids, memories = zip(*(line.split() for line in lines(trace)[:3]), strict=True)
    assert memories == ("a", "b", "c")  # Nothing stays of the jobs before.
    assert len({*pids, str(work.worker_pids()[0])}) == 4
    assert [handle.status for handle in done] == ["complete"] * 3
    assert (noted.status, noted.result) == ("complete", "result")
    assert failed.status == "failed"
    (failure,) = failures(redis)
    assert (failure["exception"], failure["error"]) == ("tests.project.jobs.Boom", "no such card")
    assert failure["backtrace"][1].endswith("in fail")
    assert work.output.count("printed by ") == 3
    assert f"{noted.id} done" in work.output
    assert f"{failed.id} failed" in work.output
    assert redis.get("resque:stat:processed") == b"5"
    assert leftovers(redis) == []


@pytest.mark.parametrize(
    ("job", "how", "said"),
    [
        (jobs.leave_by, "os._exit", "exited with code 0"),
        (jobs.mischief, "exit 3", "exited with code 3"),
        (jobs.leave_by, "SIGKILL", "was killed by SIGKILL"),
    ],
)
def test_a_job_that_ends_its_own_process_harms_no_worker(
    farm: Farm, redis: Redis, trace: Path, job: Any, how: str, said: str
) -> None:
    dying = enqueue(job, how)
    enqueue(jobs.note, str(trace))

    work = farm("resque_work", "--burst", "--fork-per-job")

    assert work.ends() == 0, work.output
    (failure,) = failures(redis)
    assert failure["exception"] == "DirtyExit"
    assert said in failure["error"]
    assert dying.status == "failed"
    assert lines(trace) == ["ran"]
    assert len(work.worker_pids()) == 1


def test_a_job_of_its_own_process_that_forks_and_returns_twice_counts_once(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    handle = enqueue(jobs.mischief, "fork and return")
    enqueue(jobs.note, str(trace))

    work = farm("resque_work", "--burst", "--fork-per-job")

    assert work.ends() == 0, work.output
    assert handle.status == "complete"
    assert lines(trace) == ["ran"]
    assert failures(redis) == []
    assert redis.get("resque:stat:processed") == b"2"


def test_the_title_of_a_worker_names_the_process_of_its_job(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    enqueue(jobs.linger, str(trace), 1.0)
    work = farm("resque_work", "--fork-per-job", "--queue=slow")
    wait_for(lambda: lines(trace), "the job has begun")
    (pid,), (of_job,) = work.worker_pids(), lines(trace)

    job = r"slow since \d+ \[tests\.project\.jobs\.linger\]$"
    assert re.search(f": Forked {of_job} for {job}", titled(pid, "Forked"))
    assert re.search(f": Processing {job}", title(int(of_job)))
    titled(pid, ": Waiting for slow")


def test_a_forked_job_dies_with_its_worker(farm: Farm, redis: Redis, trace: Path) -> None:
    enqueue(jobs.linger, str(trace), 600)
    work = farm("resque_work", "--fork-per-job", "--queue=slow")
    wait_for(lambda: lines(trace), "the job has begun")

    os.kill(work.worker_pids()[0], signal.SIGKILL)

    wait_for(lambda: not alive(int(lines(trace)[0])), "the job's process is gone")
    wait_for(lambda: failures(redis), "the failure")
    assert failures(redis)[0]["exception"] == "DirtyExit"


@pytest.mark.parametrize("how", ["the end of the grace", "a second TERM"])
def test_a_forked_job_is_interrupted_and_put_back(
    farm: Farm, redis: Redis, trace: Path, how: str
) -> None:
    handle = enqueue(jobs.Sleep, str(trace), 600)
    grace = "0.3" if how == "the end of the grace" else "25"
    work = farm("resque_work", "--fork-per-job", "--queue=slow", RESQUE_STOP_TIMEOUT=grace)
    begun(trace)

    work.send(signal.SIGTERM)
    if how == "a second TERM":
        titled(work.pid, ": stopping")
        work.send(signal.SIGTERM)

    assert work.ends(10) == 0, work.output
    assert lines(trace) == ["begin", "interrupted"]
    assert handle.status == "waiting"
    assert redis.llen("resque:queue:slow") == 1
    assert failures(redis) == []
    assert leftovers(redis) == []


def test_a_forked_job_may_finish_within_the_grace(farm: Farm, redis: Redis, trace: Path) -> None:
    handle = enqueue(jobs.Sleep, str(trace), 0.7)
    work = farm("resque_work", "--fork-per-job", "--queue=slow")
    begun(trace)

    stopped(work)

    assert lines(trace) == ["begin", "end"]
    assert handle.status == "complete"


def test_a_forked_job_has_its_timeout(farm: Farm, redis: Redis, trace: Path) -> None:
    enqueue(jobs.Timed, str(trace), "late")
    enqueue(jobs.Timed, str(trace), "ignore")

    work = farm("resque_work", "--burst", "--fork-per-job", "--queue=slow", "--count=2")

    assert work.ends() == 0, work.output
    raised, killed = failures(redis)
    assert raised["exception"] == killed["exception"] == "JobTimeout"
    assert raised["error"] == "The job took longer than its timeout of 0.4 s."
    assert "did not let go within 2 s" in killed["error"]
    pids = [int(line.split()[1]) for line in lines(trace) if line.startswith("begin ")]
    assert len(set(pids)) == 2
    for pid in pids:
        wait_for(lambda: not alive(pid), "the job's process is gone")  # noqa: B023 -- called here


def test_usr1_kills_a_forked_job(farm: Farm, redis: Redis, trace: Path) -> None:
    enqueue(jobs.linger, str(trace), 600)
    work = farm("resque_work", "--fork-per-job", "--queue=slow")
    wait_for(lambda: lines(trace), "the job has begun")

    work.send(signal.SIGUSR1)

    wait_for(lambda: not alive(int(lines(trace)[0])), "the job's process is gone")
    wait_for(lambda: failures(redis), "the failure")
    assert "killed by an operator" in failures(redis)[0]["error"]
    stopped(work)


# Wrong flags.


@pytest.mark.parametrize(
    "flag",
    [
        "--max-jobs=0", "--max-jobs=many", "--max-rss=0", "--max-rss=-5", "--max-rss=nan",
        "--timeout=0", "--timeout=-1", "--timeout=nan", "--timeout=soon", "--count=0",
        "--count=two", "--interval=0",
        "--queue=!mail", "--fork-per-job=yes",
    ],
)  # fmt: skip
def test_a_flag_with_a_wrong_value_is_refused_in_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    """In this process: nothing is begun."""
    from django.core.management import ManagementUtility

    with pytest.raises(SystemExit) as leaving:
        ManagementUtility(["manage.py", "resque_work", "--no-color", flag]).execute()

    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert leaving.value.code == 1
    name, _, value = flag.removeprefix("--").partition("=")
    assert name.upper().replace("-", "_") in said.upper().replace("-", "_")
    assert "Traceback" not in said
    assert value in said or name in ("queue", "interval", "timeout", "count")
