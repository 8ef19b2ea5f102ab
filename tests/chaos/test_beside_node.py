"""Workers of ours and of node-resque on the same three queues."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from django_resque import enqueue_to
from tests.chaos.field import FULL, JOBS, Field, size
from tests.conftest import wait_for

pytestmark = pytest.mark.timeout(900 if FULL else 120)

QUEUES = ("high", "middle", "low")

#: Starts node-resque at work, which first enqueues jobs with these labels.
Node = Callable[[list[str]], subprocess.Popen[bytes]]


@pytest.fixture
def node(field: Field, node_directory: Path) -> Iterator[Node]:
    program = shutil.copy2(Path(__file__).parent / "peer.mjs", node_directory / "chaos.mjs")
    running = []

    def start(labels: list[str]) -> subprocess.Popen[bytes]:
        words = [str(field.server.port), str(field.ledger.path), f"{JOBS}.shared"]
        found = subprocess.Popen(
            ["node", str(program), *words, json.dumps(QUEUES), json.dumps(labels)],
            cwd=node_directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        running.append(found)
        assert found.stdout
        assert found.stdout.readline() == b"working\n"
        return found

    yield start
    for each in running:
        each.kill()
        each.communicate()


def performed_by(field: Field, pids: list[int]) -> int:
    return sum(line.pid in pids for line in field.ledger.lines() if line.what == "start")


def test_jobs_of_both_are_performed_by_both_and_none_is_lost(field: Field, node: Node) -> None:
    """
    Each enqueues one half. Ours are killed meanwhile, theirs are not: their step from the queue
    to the record is none. Each job comes to its effect or is a failure; at most as many failures
    and second effects as killed processes. The counters that both count are right.
    """
    jobs, kills = size(150, 3000), size(2, 40)
    labels = [f"{at}!" if at % 10 == 0 else f"{at}" for at in range(jobs)]
    queues = ",".join(QUEUES)
    works = [field.work(count=2, queues=queues), field.work(count=2, queues=queues)]
    wait_for(lambda: field.redis.scard("resque:workers") == 4, "ours are known")
    theirs = node(labels[::2])
    for at, label in enumerate(labels[1::2]):
        enqueue_to(QUEUES[at % 3], f"{JOBS}.shared", label, 0.01)
    for at in range(kills):
        field.begun((at + 1) * jobs // (kills + 2))
        field.kill(field.children(works[at % 2])[0])

    field.rest()
    for work in works:
        field.stop(work)
    theirs.send_signal(signal.SIGTERM)

    assert theirs.wait(10) == 0
    ends = field.ledger.ends()
    raws = field.redis.lrange("resque:failed", 0, -1)
    failed = [json.loads(raw)["payload"]["args"][0] for raw in raws]
    assert [each for each in labels if not ends[each] and each not in failed] == []
    assert {each for each in labels if each.endswith("!")} <= set(failed)
    assert len([each for each in failed if not each.endswith("!")]) <= field.killed
    assert sum(ends.values()) - len(ends) <= field.killed
    assert len(failed) == len(set(failed)) == int(field.redis.get("resque:stat:failed"))
    done = len([each for each in ends if each not in failed])
    # Theirs count what failed not as processed.
    assert done <= int(field.redis.get("resque:stat:processed")) <= jobs
    assert field.left_by_workers() == []
    assert performed_by(field, [theirs.pid]) > 0
    assert performed_by(field, [theirs.pid]) < field.ledger.starts().total()
    print(
        {"jobs": jobs, "lost": 0, "killed": field.killed, "failed": len(failed),
         "by node": performed_by(field, [theirs.pid])}
    )  # fmt: skip


@pytest.mark.skipif(not FULL, reason="Waits for longer than a lease: CHAOS=full.")
def test_a_dead_worker_of_nodes_is_never_given_up_by_us(field: Field, node: Node) -> None:
    """It has no lease of ours: whether it lives its own people know."""
    theirs = node([f"{at}" for at in range(2000)])
    wait_for(lambda: performed_by(field, [theirs.pid]) > 10, "it performs")
    theirs.kill()
    theirs.wait()
    left = field.redis.smembers("resque:workers")
    assert len(left) == 2
    work = field.work(count=2, queues=",".join(QUEUES))

    until = time.monotonic() + 25
    wait_for(lambda: time.monotonic() > until, "longer than a lease", 30)

    assert left <= field.redis.smembers("resque:workers")
    assert "given up" not in work.output
    field.stop(work)
