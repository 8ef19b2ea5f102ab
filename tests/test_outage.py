"""A Redis that goes away and comes back: workers wait, running jobs run on, stops are kept."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings
from redis import Redis

from django_resque import enqueue, process
from django_resque.roster import LEASE
from example_project import redis_server
from tests.conftest import Farm, wait_for
from tests.project import jobs
from tests.test_waking import scripts_run

pytestmark = pytest.mark.django_db(transaction=True)


class Server:
    """A Redis of this test alone, which writes every command to disk before it answers."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.url = f"unix://{directory}/r.sock"
        self.start()

    def start(self) -> None:
        options = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--port", "0"]
        self.process = subprocess.Popen(
            [redis_server.executable(), *options, "--unixsocket", f"{self.directory}/r.sock"],
            cwd=self.directory,
            stdout=subprocess.DEVNULL,
        )
        wait_for(self.answers, "the server answers")

    def answers(self) -> bool:
        """Not by redis-py, which before 5.1 leaves a socket open that could not connect."""
        with socket.socket(socket.AF_UNIX) as asking:
            try:
                asking.connect(f"{self.directory}/r.sock")
                asking.sendall(b"PING\r\n")
                return asking.recv(100) == b"+PONG\r\n"
            except OSError:
                return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    directory = Path(tempfile.mkdtemp(prefix="rq"))
    found = Server(directory)
    monkeypatch.setenv("REDIS_URL", found.url)
    settings.RESQUE = {"URL": found.url}
    yield found
    found.kill()
    shutil.rmtree(directory)


def test_a_job_outlives_a_killed_redis_and_is_settled_when_it_is_back(
    farm: Farm, server: Server, trace: Path
) -> None:
    handle = enqueue(jobs.Sleep, str(trace), 1.5)
    work = farm("resque_work", "--queue=slow,default", "--interval=0.1")
    wait_for(trace.exists, "the job's begin")

    server.kill()
    wait_for(lambda: "end" in trace.read_text("utf-8"), "the job's end")
    work.says("redis is away, waiting who=")
    server.start()

    wait_for(lambda: handle.status == "complete", "the job is settled")
    second = enqueue(jobs.note, str(trace))
    wait_for(lambda: second.status == "complete", "the worker goes on")
    assert "redis is back who=" in work.output
    assert work.output.count("*** Starting worker") == 1
    assert "Traceback" not in work.output
    with Redis.from_url(server.url) as redis:
        assert redis.get("resque:stat:processed") == b"2"
        assert redis.llen("resque:failed") == 0


def test_an_outage_is_one_line_and_not_one_for_each_try(farm: Farm, server: Server) -> None:
    work = farm("resque_work", "--interval=0.1", RESQUE_HEARTBEAT="0.2")
    with Redis.from_url(server.url) as redis:
        wait_for(lambda: redis.smembers("resque:workers"), "the worker registered")
    title = Path(f"/proc/{work.worker_pids()[0]}/cmdline")
    wait_for(lambda: "Waiting for" in title.read_text(), "it is idle")

    server.kill()
    work.says("redis is away")
    until = time.monotonic() + 1.5
    wait_for(lambda: time.monotonic() > until, "some more tries")
    server.start()
    work.says("redis is back")

    assert work.output.count("redis is away") == 1  # An idle worker asks for nothing.


def test_a_redis_that_refuses_writes_is_one_outage_and_no_busy_loop(
    farm: Farm, server: Server
) -> None:
    work = farm("resque_work", "--count=4", RESQUE_HEARTBEAT="0.2")
    with Redis.from_url(server.url) as redis:
        wait_for(lambda: redis.scard("resque:workers") == 4, "all registered")
        work.send(signal.SIGUSR2)
        handles = [enqueue(jobs.note, f"{server.directory}/trace") for _ in range(9)]
        redis.config_set("min-replicas-to-write", 1)
        before = scripts_run(redis)

        work.send(signal.SIGCONT)
        until = time.monotonic() + 2
        wait_for(lambda: time.monotonic() > until, "some more tries")

        assert scripts_run(redis) - before < 200
        redis.config_set("min-replicas-to-write", 0)
        wait_for(lambda: handles[-1].status == "complete", "the jobs are done")
    work.says("redis is back who=supervisor")
    assert work.output.count("redis is away, waiting who=supervisor") == 1
    assert "Traceback" not in work.output


def test_a_key_of_another_type_is_told_of_once_and_again_when_it_is_mended(
    farm: Farm, server: Server
) -> None:
    work = farm("resque_work", RESQUE_HEARTBEAT="0.1")
    with Redis.from_url(server.url) as redis:
        wait_for(lambda: redis.scard("resque:workers"), "it is registered")

        redis.delete("resque:workers:lease")
        redis.set("resque:workers:lease", "no hash")
        work.says("a step of the supervisor failed")
        until = time.monotonic() + 1
        wait_for(lambda: time.monotonic() > until, "some more beats")
        redis.delete("resque:workers:lease")

        work.says("a step of the supervisor succeeds again step=beat")
    # Twice if the key changed in the middle of the first beat, which then failed otherwise.
    assert work.output.count("a step of the supervisor failed") in (1, 2)


def test_who_was_cut_off_beats_before_its_job_is_settled(
    farm: Farm, server: Server, trace: Path
) -> None:
    handle = enqueue(jobs.linger, str(trace), 0.5)
    work = farm("resque_work", "--queue=slow", RESQUE_HEARTBEAT="5")
    wait_for(trace.exists, "the job's begin")
    work.send(signal.SIGSTOP)  # The supervisor, so that it is no other who beats.
    with Redis.from_url(server.url) as redis:
        (stale,) = redis.hvals("resque:workers:lease")
    server.kill()
    work.says("redis is away, waiting who=")
    server.start()
    with Redis.from_url(server.url) as redis:
        wait_for(lambda: handle.status == "complete", "the job is settled")
        assert redis.hvals("resque:workers:lease") != [stale]
    work.send(signal.SIGCONT)


def test_a_fenced_job_is_gone_before_its_worker_may_be_given_up(
    farm: Farm, server: Server, tmp_path: Path
) -> None:
    traces = [tmp_path / name for name in ("fenced", "stubborn", "free")]
    enqueue(jobs.Fenced, str(traces[0]), 600)
    enqueue(jobs.stubbornly_fenced, str(traces[1]))
    enqueue(jobs.Sleep, str(traces[2]), 600)
    work = farm("resque_work", "--queue=slow", "--count=3")
    wait_for(lambda: all(trace.exists() for trace in traces), "the jobs' begin")
    pids = work.worker_pids()

    server.kill()

    killed = time.monotonic()
    wait_for(lambda: sum(map(is_over, pids)) == 1, "the stubborn one is killed", LEASE)
    assert time.monotonic() - killed > LEASE / 2 - 5  # Not for each little outage.
    assert [trace.read_text("utf-8").split() for trace in traces] == [
        ["begin", "interrupted"],
        ["begin", "ignored"],
        ["begin"],
    ]
    server.start()
    wait_for(lambda: traces[0].read_text("utf-8").count("begin") == 2, "it is begun again")
    wait_for(lambda: traces[1].read_text("utf-8").count("begin") == 2, "the other one too")
    assert traces[2].read_text("utf-8").split() == ["begin"]
    with Redis.from_url(server.url) as redis:
        assert redis.llen("resque:failed") == 0


def is_over(pid: int) -> bool:
    """Gone, or not waited for yet."""
    return process.birth(pid) == ""


def test_an_idle_worker_stops_without_redis(farm: Farm, server: Server) -> None:
    work = farm("resque_work", "--interval=0.1", "--count=2")
    work.says("*** Starting worker", times=2)
    with Redis.from_url(server.url) as redis:
        wait_for(lambda: redis.scard("resque:workers") == 2, "both registered")
    server.kill()
    work.says("redis is away")

    work.send(signal.SIGTERM)

    assert work.ends(10) == 0, work.output
    assert "Traceback" not in work.output


def test_the_deadline_of_a_stop_holds_without_redis(
    farm: Farm, server: Server, trace: Path
) -> None:
    handle = enqueue(jobs.Sleep, str(trace), 600)
    work = farm("resque_work", "--queue=slow", RESQUE_STOP_TIMEOUT="0.5")
    wait_for(trace.exists, "the job's begin")
    server.kill()
    stopped = time.monotonic()

    work.send(signal.SIGTERM)

    assert work.ends(12) == 0, work.output
    assert time.monotonic() - stopped < 0.5 + 4 + 5  # 5 for a machine that is busy elsewhere
    assert "jobs in hand are left to the next start" in work.output
    server.start()
    farm("resque_work", "--burst", "--queue=other").ends()
    assert handle.status == "failed"
    with Redis.from_url(server.url) as redis:
        assert redis.llen("resque:failed") == 1
        assert redis.scard("resque:workers") == 0
