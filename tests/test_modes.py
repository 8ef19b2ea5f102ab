"""The ways to run resque_work, as commands: in one process, reloading, telling everything."""

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from django_resque import enqueue, process
from django_resque.about import About, is_container
from django_resque.store import Store
from tests.conftest import Command, Farm, names, wait_for
from tests.project import jobs


def lines(trace: Path) -> list[str]:
    return trace.read_text("utf-8").splitlines() if trace.exists() else []


def _again(work: Command) -> bool:
    work.send(signal.SIGTERM)
    return "put back" in work.output


def stat(redis: Redis, name: str) -> int:
    return int(redis.get(f"resque:stat:{name}") or 0)


# In the command's own process.


def test_in_process_jobs_run_in_the_process_of_the_command(farm: Farm, trace: Path) -> None:
    for _ in range(2):
        enqueue(jobs.describe_process, str(trace))

    work = farm("resque_work", "--in-process", "--burst")

    assert work.ends() == 0, work.output
    assert lines(trace) == [str(work.pid)] * 2


def test_in_process_a_worker_beats_wakes_and_promotes(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    work = farm("resque_work", "--in-process", "--interval=600", RESQUE_HEARTBEAT="0.2")
    (name,) = wait_for(lambda: names(redis.hkeys("resque:workers:lease")), "it registered")
    lease = redis.hget("resque:workers:lease", name)
    wait_for(lambda: redis.hget("resque:workers:lease", name) != lease, "a beat")

    enqueue(jobs.note, str(trace), "at once")
    wait_for(lambda: lines(trace) == ["at once"], "the wake-up")
    jobs.note.enqueue_in(1, str(trace), "later")
    wait_for(lambda: lines(trace)[1:] == ["later"], "the delayed job")
    work.send(signal.SIGTERM)

    assert work.ends(10) == 0, work.output
    assert names(redis.keys("resque:worker*")) == []


def test_in_process_signals_come_to_the_thread_that_performs(farm: Farm, redis: Redis) -> None:
    """Another one would hear them, and leave the job asleep."""
    work = farm("resque_work", "--in-process")
    wait_for(lambda: redis.hkeys("resque:workers:lease"), "it registered")

    threads = Path(f"/proc/{work.pid}/task").iterdir()
    others = [each for each in threads if each.name != str(work.pid)]
    blocked = [re.findall(r"SigBlk:\s*(\w+)", (each / "status").read_text()) for each in others]

    assert others
    for (mask,) in blocked:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGURG):
            assert int(mask, 16) >> (number - 1) & 1
    work.send(signal.SIGTERM)
    assert work.ends(10) == 0, work.output


@pytest.mark.parametrize("how", ["grace", "second TERM"])
def test_in_process_a_job_is_interrupted_and_put_back(
    farm: Farm, redis: Redis, trace: Path, how: str
) -> None:
    handle = enqueue(jobs.Sleep, str(trace), 600)
    grace = "0.5" if how == "grace" else "600"
    work = farm("resque_work", "--in-process", "--queue=slow", RESQUE_STOP_TIMEOUT=grace)
    wait_for(lambda: lines(trace) == ["begin"], "the job has begun")

    work.send(signal.SIGTERM)
    if how == "second TERM":
        work.says("*** Starting")
        wait_for(lambda: _again(work), "it let go")

    assert work.ends(10) == 0, work.output
    assert lines(trace) == ["begin", "interrupted"]
    assert handle.status == "waiting"
    assert redis.llen("resque:queue:slow") == 1


def test_in_process_a_job_whose_time_is_over_fails_and_the_worker_goes_on(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    enqueue(jobs.Sleep, str(trace), 600)
    work = farm("resque_work", "--in-process", "--queue=slow,default", "--timeout=0.3")
    wait_for(lambda: redis.llen("resque:failed"), "the failure")
    enqueue(jobs.describe_process, str(trace))

    wait_for(lambda: lines(trace)[-1:] == [str(work.pid)], "the next job, in the same process")
    work.send(signal.SIGTERM)

    assert work.ends(10) == 0, work.output
    found: Any = redis.lindex("resque:failed", 0)
    assert json.loads(found)["exception"] == "JobTimeout"


def test_in_process_usr1_after_a_job_harms_nobody(farm: Farm, redis: Redis, trace: Path) -> None:
    """Worker processes end after that, and are replaced; this one is not."""
    work = farm("resque_work", "--in-process", "--queue=default", RESQUE_HEARTBEAT="0.2")
    first = enqueue(jobs.note, str(trace), "first")
    wait_for(lambda: first.status == "complete", "the first job")
    ((name, lease),) = redis.hgetall("resque:workers:lease").items()

    work.send(signal.SIGUSR1)
    wait_for(lambda: redis.hget("resque:workers:lease", name) != lease, "a beat")
    second = enqueue(jobs.note, str(trace), "second")

    wait_for(lambda: second.status == "complete" or work.process.poll() is not None, "the second")
    assert lines(trace) == ["first", "second"]
    work.send(signal.SIGTERM)
    assert work.ends(10) == 0, work.output


def test_in_process_a_job_that_closes_the_output_ends_nothing(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    """Worker processes end after that, and are replaced; this one is not."""
    enqueue(jobs.mischief, "close descriptors")
    enqueue(jobs.note, str(trace))

    work = farm("resque_work", "--in-process", "--burst")

    assert work.ends() == 0, work.output
    assert lines(trace) == ["ran"]


def test_in_process_a_job_that_closes_all_descriptors_is_settled_before_the_command_ends(
    farm: Farm, trace: Path
) -> None:
    closing = enqueue(jobs.mischief, "close all")
    after = enqueue(jobs.note, str(trace))

    work = farm("resque_work", "--in-process")

    assert work.ends() == 1
    assert "Start it again" in work.output
    assert (closing.status, after.status) == ("complete", "waiting")


def test_in_process_a_thread_that_a_job_left_does_not_keep_the_command(
    farm: Farm, redis: Redis
) -> None:
    enqueue(jobs.mischief, "leave a long thread")

    work = farm("resque_work", "--in-process", "--burst")

    assert work.ends(10) == 0, work.output
    assert "Ending although a job has left running: thread 'long'." in work.output
    assert redis.keys("resque:worker*") == []


@pytest.mark.parametrize("flag", ["--max-jobs=1", "--max-rss=100", "--fork-per-job", "--count=2"])
def test_in_process_refuses_what_wants_worker_processes(farm: Farm, flag: str) -> None:
    work = farm("resque_work", "--in-process", flag)

    assert work.ends() == 1
    assert work.output.startswith("CommandError: --in-process performs in the command's own")
    assert flag.partition("=")[0] in work.output


# Reloading.


def project(directory: Path) -> Path:
    """A project whose jobs.py can be changed; answers that file."""
    package = directory / "reloaded"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "settings.py").write_text(
        'SECRET_KEY = "x"\nINSTALLED_APPS = ["django_resque", "reloaded"]\nUSE_TZ = True\n', "utf-8"
    )
    path = package / "jobs.py"
    write(path, "one")
    return path


def write(path: Path, word: str) -> None:
    path.write_text(
        "from pathlib import Path\nfrom django_resque import job\n\n"
        '@job(name="say")\ndef say(trace):\n'
        f'    Path(trace).open("a").write("{word}\\n")\n',
        "utf-8",
    )


def push(redis: Redis, trace: Path) -> None:
    """As Ruby does: this process knows nothing of the job."""
    redis.sadd("resque:queues", "default")
    redis.rpush("resque:queue:default", json.dumps({"class": "say", "args": [str(trace)]}))


@pytest.mark.parametrize("mode", [["--count=2"], ["--in-process"]])
def test_a_changed_file_is_run_anew_and_a_broken_one_waited_for(
    farm: Farm, redis: Redis, tmp_path: Path, trace: Path, mode: list[str]
) -> None:
    path = project(tmp_path)
    environment = {
        "DJANGO_SETTINGS_MODULE": "reloaded.settings",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    pid_file = tmp_path / "pid"
    work = farm("resque_work", "--reload", f"--pid={pid_file}", *mode, **environment)
    push(redis, trace)
    wait_for(lambda: lines(trace) == ["one"], "the first code")

    path.write_text("def broken(:\n", "utf-8")
    work.says(f"{path} does not compile")
    push(redis, trace)
    wait_for(lambda: lines(trace) == ["one", "one"], "the old code goes on")
    write(path, "two")
    work.says("has changed: beginning anew.")
    push(redis, trace)
    wait_for(lambda: lines(trace) == ["one", "one", "two"], "the new code")

    assert pid_file.read_text("ascii").strip() == str(work.pid)
    work.send(signal.SIGTERM)
    assert work.ends(10) == 0, work.output
    assert redis.llen("resque:failed") == 0


def test_a_stop_while_reloading_is_a_stop(farm: Farm, redis: Redis, tmp_path: Path) -> None:
    path = project(tmp_path)
    (tmp_path / "reloaded" / "jobs.py").write_text(
        "import time\nfrom pathlib import Path\nfrom django_resque import job\n\n"
        '@job(name="say")\ndef say(trace):\n'
        '    Path(trace).open("a").write("begin\\n")\n    time.sleep(2)\n',
        "utf-8",
    )
    work = farm(
        "resque_work",
        "--reload",
        DJANGO_SETTINGS_MODULE="reloaded.settings",
        PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
    )
    trace = tmp_path / "trace"
    push(redis, trace)
    wait_for(lambda: lines(trace) == ["begin"], "the job has begun")

    write(path, "two")
    work.says("has changed: beginning anew.")
    work.send(signal.SIGTERM)

    assert work.ends(10) == 0, work.output
    assert work.output.count("*** Starting worker") == 1
    assert stat(redis, "processed") == 1


# Telling everything.


@pytest.mark.parametrize(("flags", "environment"), [(["--debug"], {}), ([], {"VVERBOSE": "1"})])
def test_every_step_is_logged(
    farm: Farm, trace: Path, flags: list[str], environment: dict[str, str]
) -> None:
    enqueue(jobs.note, str(trace), "a word")

    work = farm("resque_work", "--burst", *flags, **environment)

    assert work.ends() == 0, work.output
    assert "django_resque.worker: reserved queue=default" in work.output
    assert "a word" in work.output
    assert "django_resque.upkeep: beat" in work.output


def test_without_debug_no_argument_is_logged(farm: Farm, trace: Path) -> None:
    enqueue(jobs.note, str(trace), "a word")

    work = farm("resque_work", "--burst")

    assert work.ends() == 0
    assert "a word" not in work.output


# resque_stop.


def test_all_workers_of_a_queue_are_stopped_wherever_they_are(farm: Farm, redis: Redis) -> None:
    here = farm("resque_work", "--queue=mail,low", "--count=2", RESQUE_HOSTNAME="here")
    there = farm("resque_work", "--queue=ma*", RESQUE_HOSTNAME="there")
    other = farm("resque_work", "--queue=low", RESQUE_HOSTNAME="other")
    wait_for(lambda: redis.scard("resque:workers") == 4, "all registered")

    stop = farm("resque_stop", "--queue=mail")

    assert stop.ends() == 0, stop.output
    assert (here.ends(5), there.ends(5)) == (0, 0)
    (left,) = names(redis.smembers("resque:workers"))
    assert left.startswith("other")
    assert other.process.poll() is None


@pytest.mark.parametrize("flags", [[], ["--in-process"]])
def test_a_name_that_another_machine_has_gets_a_mark(
    farm: Farm, store: Store, redis: Redis, flags: list[str]
) -> None:
    store.register("web:7:mail", About("another machine", 7, "1", 1, "1", "0.1.0"))
    store.register("web-2:7:mail", About(process.machine(), os.getpid(), "", 1, "1", "0.1.0"))

    alike = farm("resque_work", "--queue=low", *flags, RESQUE_HOSTNAME="web")
    unlike = farm("resque_work", "--queue=low", *flags, RESQUE_HOSTNAME="web-2")

    assert re.search(r"worker web-[0-9a-f]{8}:\d+:low\n", alike.says("*** Starting"))
    if not is_container(process.machine()):
        assert "worker web-2:" in unlike.says("*** Starting")


def test_nothing_is_stopped_for_a_queue_that_nobody_works(farm: Farm, redis: Redis) -> None:
    stop = farm("resque_stop", "--queue=nobody")

    assert stop.ends() == 0
    assert stop.output == "Nothing to stop: no worker of the queue 'nobody' is registered.\n"


@pytest.mark.parametrize("by", ["worker", "pid"])
def test_a_stop_now_leaves_no_grace(
    farm: Farm, redis: Redis, tmp_path: Path, trace: Path, by: str
) -> None:
    handle = enqueue(jobs.Sleep, str(trace), 600)
    pid = tmp_path / "pid"
    work = farm("resque_work", "--queue=slow", f"--pid={pid}", RESQUE_STOP_TIMEOUT="600")
    wait_for(lambda: lines(trace) == ["begin"], "the job has begun")
    (name,) = names(redis.smembers("resque:workers"))

    stop = farm("resque_stop", "--now", f"--pid={pid}" if by == "pid" else f"--worker={name}")

    assert stop.ends(10) == 0, stop.output
    assert work.ends(10) == 0, work.output
    assert lines(trace) == ["begin", "interrupted"]
    assert handle.status == "waiting"


# What one job does, the next does not notice.


def test_the_next_job_does_not_notice(farm: Farm, redis: Redis, trace: Path) -> None:
    enqueue(jobs.look_around, str(trace))
    for what in jobs.MISCHIEF:
        enqueue(jobs.mischief, what)
        enqueue(jobs.look_around, str(trace))

    work = farm("resque_work", "--burst", "--queue=default", LC_ALL="C.UTF-8")

    assert work.ends() == 0, work.output
    first, *others = lines(trace)
    assert len(others) == len(jobs.MISCHIEF)
    for what, found in zip(jobs.MISCHIEF, others, strict=True):
        assert found == first, what
    assert work.output.count("job left changes, undone") >= len(jobs.MISCHIEF)


def test_what_a_job_leaves_running_is_logged_and_left_alone(farm: Farm, trace: Path) -> None:
    enqueue(jobs.mischief, "leave a thread")
    enqueue(jobs.mischief, "leave a child")
    enqueue(jobs.note, str(trace))

    work = farm("resque_work", "--burst")

    assert work.ends() == 0, work.output
    assert "job left behind job=tests.project.jobs.mischief: daemon thread 'left'" in work.output
    assert "job left behind job=tests.project.jobs.mischief: child process" in work.output
    assert work.output.count("job left behind") == 2
