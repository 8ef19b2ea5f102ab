"""What jobs, records and Redis can do wrong: it is a failure or a pause, and no worker's end."""

import gc
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from redis import Redis

from django_resque import enqueue, process, scripts
from django_resque.failure import Failure
from example_project import redis_server
from tests.conftest import Farm, names, wait_for
from tests.project import jobs

pytestmark = pytest.mark.django_db(transaction=True)


def failures(redis: Redis) -> list[dict[str, Any]]:
    found: Any = redis.lrange("resque:failed", 0, -1)
    return [json.loads(raw) for raw in found]


def lines(trace: Path) -> list[str]:
    return trace.read_text("utf-8").splitlines() if trace.exists() else []


@pytest.mark.parametrize(
    "raw",
    [
        '{"class":"X","args":[],"id":1e999}',
        '{"class":"X","args":[1e999,"\\ud83d\\ude00"]}',
        '{"class":"a\\u0000b","args":[]}',
        '{"class":"a\\ud800b","args":[]}',
        '{"class":"X","args":[],"prefix":' + "[" * 5000 + "]" * 5000 + "}",
        '{"class":{"a":1}}',
    ],
)
def test_a_payload_that_is_odd_in_any_place_is_a_failure(
    farm: Farm, redis: Redis, trace: Path, raw: str
) -> None:
    redis.rpush("resque:queue:default", raw)
    enqueue(jobs.note, str(trace))

    work = farm("resque_work", "--burst")

    assert work.ends() == 0, work.output
    assert lines(trace) == ["ran"]
    assert len(failures(redis)) == 1
    assert work.output.count("*** Starting worker") == 1
    assert failures(redis)[0]["exception"] in ("InvalidPayload", "UnknownJob")


def test_megabytes_of_poison_are_a_failure_and_do_not_hold_redis(farm: Farm, redis: Redis) -> None:
    poison = '"' * 10_000_000
    redis.rpush("resque:queue:default", poison)
    redis.slowlog_reset()

    work = farm("resque_work", "--burst")

    assert work.ends() == 0, work.output
    found: Any = redis.lrange("resque:failed", 0, -1)
    assert [Failure.decode(raw.decode()).original for raw in found] == [poison]
    # A tenth of it on an idle machine; 3 seconds when gsub called a function for each quote.
    assert [each for each in redis.slowlog_get(128) if each["duration"] > 1_500_000] == []


@pytest.mark.parametrize("record", ["", '{"queue":"q","payload":"abc}', '{"id":1e999}', "[1]"])
def test_a_record_that_cannot_be_read_ends_no_supervisor(
    farm: Farm, redis: Redis, trace: Path, record: str
) -> None:
    work = farm("resque_work", "--interval=0.1")
    wait_for(lambda: redis.smembers("resque:workers"), "the worker registered")
    (first,) = work.worker_pids()
    (name,) = names(redis.smembers("resque:workers"))
    redis.set(f"resque:worker:{name}", record)

    os.kill(first, signal.SIGKILL)

    enqueue(jobs.note, str(trace))
    wait_for(lambda: lines(trace), "another worker performs the job")
    work.send(signal.SIGTERM)
    assert work.ends() == 0, work.output


@pytest.mark.parametrize("what", ["close stdout", "close descriptors"])
def test_a_job_that_closes_the_output_harms_no_other(
    farm: Farm, redis: Redis, trace: Path, what: str
) -> None:
    enqueue(jobs.mischief, what)
    for _ in range(3):
        enqueue(jobs.note, str(trace))

    work = farm("resque_work", "--burst")

    assert work.ends() == 0, work.output
    assert lines(trace) == ["ran"] * 3
    assert failures(redis) == []


@pytest.mark.parametrize("mode", [[], ["--fork-per-job"], ["--in-process"]])
def test_nothing_that_an_exception_does_ends_a_worker_or_hides_the_failure(
    farm: Farm, redis: Redis, trace: Path, mode: list[str]
) -> None:
    for what in ("Unreadable", "Reticent", "Empty"):
        enqueue(jobs.fail_oddly, what)
    enqueue(jobs.note, str(trace))

    work = farm("resque_work", "--burst", *mode)

    assert work.ends() == 0, work.output
    assert [failure["exception"] for failure in failures(redis)] == [
        "tests.project.jobs.Unreadable",
        "AttributeError",
        "tests.project.jobs.Empty",
    ]
    assert all("fail_oddly" in "".join(each["backtrace"]) for each in failures(redis))
    assert work.output.count("job failed queue=default") == 3
    assert lines(trace) == ["ran"]
    assert work.output.count("*** Starting") == 1


@pytest.mark.parametrize("what", ["lower limit", "lower hard limit"])
def test_a_limit_that_a_job_has_set_is_none_of_the_next(
    farm: Farm, redis: Redis, trace: Path, what: str
) -> None:
    enqueue(jobs.mischief, what)
    enqueue(jobs.note, str(trace))

    work = farm("resque_work", "--burst")

    assert work.ends() == 0, work.output
    assert failures(redis) == []
    assert lines(trace) == ["ran"]


@pytest.mark.parametrize("mode", [[], ["--fork-per-job"]])
def test_a_job_that_closes_all_descriptors_is_done_and_its_files_are_its_own(
    farm: Farm, redis: Redis, trace: Path, tmp_path: Path, mode: list[str]
) -> None:
    """As daemons do. Their numbers go to files that we must not take for our pipes."""
    closing = [
        enqueue(jobs.mischief, "close all"),
        enqueue(jobs.take_descriptors, str(tmp_path / "file")),
    ]
    after = enqueue(jobs.note, str(trace))

    work = farm("resque_work", "--burst", *mode)

    assert work.ends() == 0, work.output
    assert [handle.status for handle in [*closing, after]] == ["complete"] * 3
    assert (tmp_path / "file").read_bytes() == b""
    assert failures(redis) == []


@pytest.mark.parametrize("what", ["ignore signals", "default signals", "no wakeup"])
def test_handlers_that_a_job_changed_are_back_for_the_next(
    farm: Farm, redis: Redis, trace: Path, what: str
) -> None:
    enqueue(jobs.mischief, what)
    handle = enqueue(jobs.Sleep, str(trace), 1.0)
    work = farm("resque_work", "--queue=default,slow", "--interval=600")
    wait_for(lambda: lines(trace), "the next job has begun")

    work.send(signal.SIGTERM)

    assert work.ends(10) == 0, work.output
    assert handle.status == "complete"
    assert failures(redis) == []


@pytest.mark.parametrize("what", ["ignore signals", "default signals"])
@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGTERM])
def test_a_stop_is_heard_while_a_job_has_handlers_of_its_own(
    farm: Farm, redis: Redis, trace: Path, what: str, number: signal.Signals
) -> None:
    handle = enqueue(jobs.mischief, what, str(trace), 1.0)
    after = enqueue(jobs.note, str(trace))
    work = farm("resque_work", "--interval=600")
    wait_for(lambda: lines(trace), "the job has begun")

    work.send(number)

    assert work.ends(10) == 0, work.output
    assert (handle.status, after.status) == ("complete", "waiting")
    assert failures(redis) == []


def test_an_idle_worker_wakes_at_a_signal_after_a_job_took_its_wakeup(
    farm: Farm, redis: Redis
) -> None:
    handle = enqueue(jobs.mischief, "no wakeup")
    work = farm("resque_work", "--interval=600")
    wait_for(lambda: handle.status == "complete", "the job is done")

    work.send(signal.SIGTERM)

    assert work.ends(10) == 0, work.output


@pytest.mark.parametrize(
    ("what", "error"),
    [("exit 75", "exited with code 75"), ("real-time signal", "was killed by signal 40")],
)
def test_any_end_of_the_process_is_a_failure_once(
    farm: Farm, redis: Redis, trace: Path, what: str, error: str
) -> None:
    enqueue(jobs.mischief, what)
    enqueue(jobs.note, str(trace))

    work = farm("resque_work", "--burst")

    assert work.ends() == 0, work.output
    assert lines(trace) == ["ran"]
    (failure,) = failures(redis)
    assert failure["exception"] == "DirtyExit"
    assert error in failure["error"]


def test_jobs_that_end_their_process_one_after_the_other_hold_up_nobody(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    for _ in range(8):
        enqueue(jobs.mischief, "exit 75")
    enqueue(jobs.note, str(trace))

    work = farm("resque_work", "--burst")

    assert work.ends(10) == 0, work.output
    assert lines(trace) == ["ran"]
    assert len(failures(redis)) == 8


def test_where_no_process_can_be_begun_for_a_job_it_waits_until_there_can(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    work = farm("resque_work", "--fork-per-job", "--interval=600")
    first = enqueue(jobs.note, str(trace))
    wait_for(lambda: first.status == "complete", "the first job")
    (pid,) = work.worker_pids()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 1000))
    handles = [enqueue(jobs.note, str(trace)) for _ in range(3)]
    work.says("cannot fork, trying again")

    resource.prlimit(pid, resource.RLIMIT_NOFILE, (1000, 1000))

    wait_for(lambda: all(each.status == "complete" for each in handles), "all jobs are done")
    assert failures(redis) == []
    work.send(signal.SIGTERM)
    assert work.ends() == 0, work.output


def test_a_program_that_calls_the_command_keeps_its_own_children(redis: Redis) -> None:
    """Also where what a job has left is ended, because its process died."""
    own = subprocess.Popen(["sleep", "60"])
    enqueue(jobs.mischief, "exit 75")

    call_command("resque_work", "--burst", stdout=io.StringIO(), stderr=io.StringIO())

    (failure,) = failures(redis)
    assert "exited with code 75" in failure["error"]
    assert own.poll() is None
    own.kill()
    own.wait()


@pytest.mark.parametrize("flags", [[], ["--in-process"]])
def test_a_program_that_calls_the_command_again_and_again_keeps_its_own(
    redis: Redis, flags: list[str]
) -> None:
    def work() -> int:
        call_command("resque_work", "--burst", *flags, stdout=io.StringIO(), stderr=io.StringIO())
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir()))

    def own(number: int, frame: object) -> None: ...

    before = signal.signal(signal.SIGUSR1, own)
    try:
        assert work() == work() == work()
        pid = os.fork()
        if not pid:
            os._exit(signal.getsignal(signal.SIGUSR1) is not own)
        assert os.waitpid(pid, 0)[1] == 0
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_call_of_the_command_in_a_thread_is_refused_in_a_sentence() -> None:
    with ThreadPoolExecutor(1) as pool, pytest.raises(CommandError, match="only the main thread"):
        pool.submit(call_command, "resque_work", "--burst").result()


def test_a_program_that_has_called_the_command_adopts_nobody_afterwards() -> None:
    call_command("resque_work", "--burst", stdout=io.StringIO(), stderr=io.StringIO())

    asked = subprocess.run(
        ["sh", "-c", "sleep 0.5 & echo $!"], capture_output=True, check=True, text=True
    )
    assert int(asked.stdout) not in process.children()


def test_an_idle_worker_that_ends_without_being_asked_is_replaced(farm: Farm, trace: Path) -> None:
    work = farm("resque_work")
    enqueue(jobs.mischief, "leave an end")

    work.says("*** Starting worker", times=2)

    handle = enqueue(jobs.note, str(trace))
    wait_for(lambda: handle.status == "complete", "the next job is done")
    assert "worker died worker=" in work.output


def test_the_child_of_a_job_that_forks_is_no_second_worker(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    handle = enqueue(jobs.mischief, "fork and return")
    for _ in range(20):
        enqueue(jobs.describe_process, str(trace))

    work = farm("resque_work", "--burst")

    assert work.ends() == 0, work.output
    assert handle.status == "complete"
    assert set(lines(trace)) == {str(work.worker_pids()[0])}
    assert len(lines(trace)) == 20
    assert failures(redis) == []


def test_a_pool_of_processes_in_a_job_stops_nobody(farm: Farm, redis: Redis, trace: Path) -> None:
    handle = enqueue(jobs.use_a_pool, str(trace))
    enqueue(jobs.note, str(trace))

    work = farm("resque_work", "--burst")

    assert work.ends() == 0, work.output
    assert lines(trace) == ["pool ended", "ran"]
    assert handle.status == "complete"


@pytest.mark.parametrize("options", [[], ["--fork-per-job"], ["--in-process"]])
def test_a_process_that_a_job_forks_hears_the_earliest_signal(
    farm: Farm, trace: Path, options: list[str]
) -> None:
    enqueue(jobs.strike_a_child_early, str(trace))

    work = farm("resque_work", "--burst", *options)

    assert work.ends() == 0, work.output
    assert lines(trace) == [str(-signal.SIGTERM)]


def test_a_job_that_leaves_a_transaction_open_fails_and_the_next_can_enqueue(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    enqueue(jobs.mischief, "open transaction")
    enqueue(jobs.enqueue_another, str(trace))

    work = farm("resque_work", "--burst")

    assert work.ends() == 0, work.output
    (failure,) = failures(redis)
    assert "ended inside a transaction that it began on default" in failure["error"]
    assert lines(trace) == ["ran"]


def test_a_queue_that_is_no_list_does_not_keep_others_from_their_work(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    redis.set("resque:queue:high", "no list")
    enqueue(jobs.note, str(trace))

    work = farm("resque_work", "--burst", "--queue=high,default")

    assert work.ends() == 0, work.output
    assert lines(trace) == ["ran"]


def test_a_job_that_cannot_be_settled_for_now_is_kept_until_it_can(
    farm: Farm, redis: Redis, trace: Path
) -> None:
    redis.set("resque:failed", "no list")
    failing = enqueue(jobs.fail)
    enqueue(jobs.note, str(trace))
    work = farm("resque_work", "--interval=0.1")
    work.says("WRONGTYPE")

    redis.delete("resque:failed")

    wait_for(lambda: lines(trace), "the worker goes on")
    assert failing.status == "failed"
    assert [failure["exception"] for failure in failures(redis)] == ["tests.project.jobs.Boom"]
    assert work.output.count("*** Starting worker") == 1


def test_a_redis_user_who_may_not_run_scripts_makes_no_storm_of_processes(
    farm: Farm, redis: Redis, redis_url: str
) -> None:
    redis.acl_setuser(
        "narrow", enabled=True, nopass=True, keys="*", commands=["+@all", "-evalsha", "-eval"]
    )
    try:
        path = redis_url.removeprefix("unix://")
        work = farm("resque_work", REDIS_URL=f"unix://narrow:x@{path}")
        work.says("no permissions")
        until = time.monotonic() + 2
        wait_for(lambda: time.monotonic() > until, "some time")
        work.send(signal.SIGTERM)
        assert work.ends() == 0, work.output
    finally:
        redis.acl_deluser("narrow")

    assert work.output.count("*** Starting worker") == 1
    assert len(work.output) < 20_000


def test_the_stop_keeps_its_deadline_while_redis_hangs(farm: Farm, trace: Path) -> None:
    directory = Path(tempfile.mkdtemp(prefix="rq"))
    try:
        with redis_server.running(directory) as url, Redis.from_url(url) as other:
            pid = other.info("server")["process_id"]
            raw = json.dumps({"class": jobs.stubborn.job.name, "args": [str(trace), 600]})
            other.rpush("resque:queue:slow", raw)
            work = farm("resque_work", "--queue=slow", REDIS_URL=url, RESQUE_STOP_TIMEOUT="1")
            wait_for(lambda: lines(trace), "the job has begun")
            os.kill(pid, signal.SIGSTOP)
            try:
                stopped = time.monotonic()
                work.send(signal.SIGTERM)
                assert work.ends() == 0, work.output
                assert time.monotonic() - stopped < 1 + 4 + 5  # 5 for a machine that is busy
            finally:
                os.kill(pid, signal.SIGCONT)
    finally:
        shutil.rmtree(directory)


def test_every_script_is_read_before_the_first_fork() -> None:
    scripts.script.cache_clear()

    scripts.load_all()

    before = scripts.script.cache_info().misses
    for name in ("push", "settle", "put_back", "give_up", "promote", "beat"):
        scripts.script(name)
    assert scripts.script.cache_info().misses == before
