"""
A live node-resque on the same Redis: it enqueues for our workers, works for us, lists our
workers and failures, retries, and delays. Written with node-resque 9.7.1, ioredis 5 and Node 20.

Both are installed from npm into a temporary directory; without that these tests are skipped.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from django_resque import enqueue, enqueue_to
from tests.conftest import DEADLINE, Farm, names, wait_for
from tests.project import jobs

SOURCE = Path(__file__).parent / "node"

NOTE = "tests.project.jobs.note"

Node = Callable[..., Any]


@pytest.fixture(scope="session")
def peer(node_directory: Path) -> Path:
    """The program, in a directory where node finds what it imports."""
    return Path(shutil.copy2(SOURCE / "peer.mjs", node_directory))


@pytest.fixture
def node(peer: Path, redis: Redis) -> Node:
    """Does something as node-resque: `node("call", "enqueue", "default", "Name", [1])`."""
    socket = redis.connection_pool.connection_kwargs["path"]

    def act(action: str, *args: Any) -> Any:
        done = subprocess.run(
            ["node", str(peer), socket, action, json.dumps(args)],
            cwd=peer.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return act


def work_off(farm: Farm, *words: str) -> None:
    """Let a worker of ours empty the queues."""
    work = farm("resque_work", "--burst", *words)
    assert work.ends() == 0, work.output


def lines(trace: Path) -> list[str]:
    return trace.read_text("utf-8").splitlines()


# Enqueuing, both ways.


def test_our_worker_performs_what_node_enqueues(node: Node, farm: Farm, trace: Path) -> None:
    text = 'ünïcode "\\ \N{SNOWMAN} \N{GRINNING FACE}'
    assert node("call", "enqueue", "default", NOTE, [str(trace), text]) is True

    work_off(farm)

    assert lines(trace) == [text]
    assert node("call", "stats") == {"processed": "1"}


def test_nodes_worker_performs_what_we_enqueue(node: Node, redis: Redis) -> None:
    args = [35, "tär", 1.5, None, True, [1, [2]], {"a": {"b": []}}]
    enqueue_to("file_serve", "Archive", *args)

    assert node("work", "file_serve", "Archive") == args

    assert redis.llen("resque:queue:file_serve") == 0
    assert redis.get("resque:stat:processed") == b"1"
    assert redis.smembers("resque:workers") == set()


def test_node_looks_into_our_queues(node: Node) -> None:
    handle = enqueue(jobs.note, "path")

    (payload,) = node("call", "queued", "default", 0, -1)

    assert (payload["class"], payload["args"], payload["id"]) == (NOTE, ["path"], handle.id)
    assert node("call", "length", "default") == 1
    assert node("call", "queues") == ["default"]


# Workers and failures.


def test_node_lists_our_busy_worker(node: Node, farm: Farm, redis: Redis, trace: Path) -> None:
    handle = enqueue(jobs.Sleep, str(trace), 600)
    farm("resque_work", "--queue=slow")
    wait_for(trace.exists, "the job has begun")
    (worker_id,) = names(redis.smembers("resque:workers"))
    worker = worker_id.removesuffix(":slow")

    assert node("call", "workers") == {worker: "slow"}
    working = node("call", "allWorkingOn")

    assert working.keys() == {worker}
    record = working[worker]
    assert (record["worker"], record["queue"]) == (worker, "slow")
    assert record["payload"]["id"] == handle.id
    assert record["payload"]["args"] == [str(trace), 600]


def test_node_lists_our_failure(node: Node, farm: Farm) -> None:
    enqueue(jobs.fail, "no such card")
    work_off(farm)

    (failure,) = node("call", "failed", 0, -1)

    assert (failure["exception"], failure["error"]) == ("tests.project.jobs.Boom", "no such card")
    assert failure["queue"] == "default"
    assert failure["payload"]["args"] == ["no such card"]
    assert isinstance(failure["backtrace"], list)
    assert node("call", "failedCount") == 1


def test_our_worker_performs_again_what_node_retries(
    node: Node, farm: Farm, redis: Redis, tmp_path: Path
) -> None:
    """Node removes a failure by its text, which it reads and writes anew: the bytes must agree."""
    trace = tmp_path / "not yet" / "träce"
    enqueue(jobs.note, str(trace), 'a "quoted" \\ \N{SNOWMAN}/text')
    work_off(farm)
    assert redis.llen("resque:failed") == 1
    trace.parent.mkdir()

    assert node("retry") == 1
    assert redis.llen("resque:failed") == 0
    work_off(farm)

    assert lines(trace) == ['a "quoted" \\ \N{SNOWMAN}/text']
    assert redis.llen("resque:failed") == 0


# Delayed jobs.


@pytest.mark.parametrize("method", ["enqueueAt", "enqueueIn"])
def test_our_supervisor_promotes_what_node_delays(
    node: Node, farm: Farm, redis: Redis, trace: Path, method: str
) -> None:
    now = round(time.time() * 1000) if method == "enqueueAt" else 0
    node("call", method, now + 2000, "default", NOTE, [str(trace), "late"])
    assert redis.zcard("resque:delayed_queue_schedule") == 1

    farm("resque_work", "--interval=0.1")
    wait_for(trace.exists, "the job is performed")

    assert lines(trace) == ["late"]
    assert redis.keys("resque:delayed*") == []
    assert redis.keys("resque:timestamps:*") == []


def test_our_worker_performs_what_we_delay_and_node_promotes(
    node: Node, farm: Farm, redis: Redis, trace: Path
) -> None:
    """Node knows no ids, so the job that it puts into the queue has none."""
    jobs.note.options(delay=0.1).enqueue(str(trace), "late")

    assert node("promote")["class"] == NOTE

    assert redis.keys("resque:delayed*") == []
    work_off(farm)
    assert lines(trace) == ["late"]


def test_node_lists_our_delayed_job(node: Node) -> None:
    jobs.note.options(delay=100, track=False).enqueue("path")

    ((item,),) = node("call", "allDelayed").values()

    assert item == {"class": NOTE, "args": ["path"], "queue": "default"}


def test_node_removes_a_delayed_job_by_the_text_that_it_would_write(
    node: Node, redis: Redis
) -> None:
    """Its fields are in another order than Ruby's and ours, so it does not find our items."""
    jobs.note.options(delay=100, track=False).enqueue("path")
    node("call", "enqueueIn", 100_000, "default", NOTE, ["path"])

    assert len(node("call", "delDelayed", "default", NOTE, ["path"])) == 1

    (left,) = [item for key in redis.keys("resque:delayed:*") for item in redis.lrange(key, 0, -1)]
    assert left == f'{{"class":"{NOTE}","args":["path"],"queue":"default"}}'.encode()
