"""
A field for one scenario: a Redis and a proxy of its own, supervisors, the ledger, and what
must hold at the end whatever was done to them.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from django_resque import enqueue_many, enqueue_to
from django_resque.errors import EnqueueError
from example_project import redis_server
from tests.chaos.ledger import Ledger
from tests.chaos.proxy import Proxy
from tests.conftest import Command, Farm, wait_for

#: `CHAOS=full`, as `tox run -e chaos` has it. Reduced, all of this takes under a minute.
FULL = os.environ.get("CHAOS") == "full"

JOBS = "tests.chaos.jobs"

#: Statuses, as every Resque client with statuses writes them.
FAILED, COMPLETE = 3, 4

#: What a worker leaves in Redis while it lives, and nothing of it afterwards. By pattern.
OF_WORKERS = ("worker:*", "workers", "workers:*", "stat:*:*:*")


def size(reduced: int, full: int) -> int:
    return full if FULL else reduced


#: How many jobs wait, are delayed or in hand. In one step, or a job might pass us by; and not
#: in MULTI, which a full Redis refuses.
_RESTING = """
local found = redis.call('ZCARD', 'resque:delayed_queue_schedule')
for _, queue in ipairs(redis.call('SMEMBERS', 'resque:queues')) do
  found = found + redis.call('LLEN', 'resque:queue:' .. queue)
end
for _, worker in ipairs(redis.call('SMEMBERS', 'resque:workers')) do
  found = found + redis.call('EXISTS', 'resque:worker:' .. worker)
end
return found
"""


class Server:
    """A Redis on TCP, which has every command on disk before it answers."""

    def __init__(self, directory: Path, *options: str) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.options = options
        self.port = free_port()
        self.start()

    def start(self, *options: str) -> None:
        """For this once also with these options."""
        self.launch(*options)
        wait_for(self.answers, "the server answers")

    def launch(self, *options: str) -> None:
        kept = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        at = ["--bind", "127.0.0.1", "--port", str(self.port), "--logfile", "log"]
        self.process = subprocess.Popen(
            [redis_server.executable(), *kept, *at, *self.options, *options],
            cwd=self.directory,
            stdout=subprocess.DEVNULL,
        )

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text("utf-8", "replace")

    @property
    def aof(self) -> Path:
        """The file that it writes to: since Redis 7 the last of several."""
        found = [*self.directory.glob("appendonlydir/*.incr.aof"), *self.directory.glob("*.aof")]
        return max(found, key=lambda path: path.stat().st_mtime)

    def mend(self) -> None:
        """`redis-check-aof --fix`, which is the server by another name."""
        (aof,) = [*self.directory.glob("appendonlydir/*.manifest")] or [self.aof]
        subprocess.run(
            ["redis-check-aof", "--fix", aof],
            executable=redis_server.executable(),
            cwd=self.directory,
            input=b"y\n",
            check=True,
            capture_output=True,
        )

    def client(self) -> Any:
        """It asks once and has patience. Any: of plain commands redis-py annotates nothing."""
        once = Retry(NoBackoff(), 0)
        return Redis(port=self.port, decode_responses=True, socket_timeout=60, retry=once)

    def answers(self) -> bool:
        with suppress(RedisError), Redis(port=self.port) as redis:
            return bool(redis.ping())
        return False

    def freeze(self, seconds: float) -> None:
        """It answers nobody, as in a DEBUG SLEEP, which newer ones do not allow."""
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.killed = time.monotonic()


class Field:
    """What was acknowledged is noted here; who was killed, too."""

    def __init__(self, farm: Farm, server: Server, proxy: Proxy, ledger: Ledger) -> None:
        self.farm = farm
        self.server = server  #: The one to ask now: after a failover another.
        self.directory = server.directory
        self.proxy = proxy
        self.ledger = ledger
        self.redis = server.client()  #: Not through the proxy.
        self.acknowledged: dict[str, float] = {}  #: Id to when, on the monotonic clock.
        self.works: list[Command] = []
        self.killed = 0  #: Processes that may have had a job in hand.
        self.frozen = 0  #: The same, given up while they lived: their runs may overlap others.
        self.environment = {
            "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "CHAOS_LEDGER": str(ledger.path),
            "REDIS_URL": proxy.url,
            "RESQUE_STOP_TIMEOUT": "20",
            "RESQUE_HEARTBEAT": "0.5",
        }

    # Work.

    def work(self, count: int = 2, queues: str = "chaos", **environment: str) -> Command:
        """A supervisor that has just been started."""
        given = {**self.environment, **environment}
        found = self.farm("resque_work", f"--queue={queues}", f"--count={count}", **given)
        self.works.append(found)
        return found

    def enqueue(self, name: str, *args: Any) -> str:
        """Until Redis has acknowledged it, as an application would."""
        try:
            job_id = enqueue_to("chaos", f"{JOBS}.{name}", *args).id
        except EnqueueError as error:
            job_id = self.insist(error)
        self.acknowledge(job_id)
        return job_id

    def insist(self, error: EnqueueError) -> str:
        """Push again what was not acknowledged, and answer the id of the job."""
        until = time.monotonic() + 30
        while True:
            try:
                error.retry()
            except EnqueueError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
            else:
                return str(re.findall(r"\(([0-9a-f]{32})\)", str(error))[0])

    def enqueue_many(self, name: str, count: int, *args: Any) -> None:
        calls = [(f"{JOBS}.{name}", *args)] * count
        self.acknowledge(*[handle.id for handle in enqueue_many(calls)])

    def acknowledge(self, *job_ids: str) -> None:
        """Redis has said that it has them."""
        self.acknowledged.update(dict.fromkeys(job_ids, time.monotonic()))

    # Waiting.

    def resting(self) -> bool:
        """Whether every acknowledged job has ended, and nothing waits or is in hand."""
        return int(self.redis.eval(_RESTING, 0)) == 0

    def rest(self, deadline: float = size(60, 300)) -> None:
        wait_for(self.resting, "all jobs have ended", deadline)

    def begun(self, count: int) -> None:
        """So many runs, also of the same job."""
        wait_for(lambda: self.ledger.starts().total() >= count, f"{count} runs have begun")

    # Killing.

    def kill(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.killed += 1

    def cpu(self, work: Command) -> float:
        """Seconds that a supervisor and its workers have computed."""
        pids = [work.pid, *self.children(work)]
        found = [Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[0] for pid in pids]
        return sum(map(int, found)) / 1e9

    def idle(self, work: Command) -> bool:
        """Whether all its workers wait for a wake-up, by their titles."""
        titles = [Path(f"/proc/{pid}/cmdline").read_text("utf-8") for pid in self.children(work)]
        return all("Waiting for" in title for title in titles)

    def children(self, work: Command) -> list[int]:
        """The worker processes that live now."""
        with suppress(FileNotFoundError):
            words = Path(f"/proc/{work.pid}/task/{work.pid}/children").read_text("ascii").split()
            return [int(word) for word in words]
        return []

    def stop(self, work: Command) -> None:
        self.works.remove(work)
        work.says("*** Starting worker")  # Before that nobody hears signals.
        work.send(signal.SIGTERM)
        assert work.ends(40) == 0, work.output

    # The end.

    def failures(self) -> Counter[str]:
        """Of each job, how many records there are in the failed list."""
        records = self.redis.lrange("resque:failed", 0, -1)
        return Counter(json.loads(raw)["payload"]["id"] for raw in records)

    def ends_well(
        self, *, doubles: int = 0, failures: int = 0, requeued: int = 0, half_steps: int = 0
    ) -> Counter[str]:
        """
        What always holds, when all work has ended and all supervisors have been stopped.

        `doubles` and `failures` are how many may be at most, `requeued` how many failures went
        back to their queues, `half_steps` how many Redis may have done twice. Answers what was
        counted.
        """
        self.rest()
        for work in list(self.works):
            self.stop(work)
        ends, failed = self.ledger.ends(), self.failures()
        lost = [each for each in self.acknowledged if not ends[each] and not failed[each]]
        jobs = {*ends, *failed, *self.acknowledged}  # Jobs enqueue others.
        doubled = sum(count - 1 for count in ends.values())
        twice = half_steps and half_steps + doubled

        assert lost == [], self.traces(lost)
        assert self.ledger.overlaps().total() <= self.frozen + (half_steps and doubles)
        assert doubled <= doubles, ends.most_common(10)
        assert failed.total() <= failures, failed
        assert not failed or max(failed.values()) == 1
        assert self.left_by_workers() == []
        self.statuses_are_true(failed)
        self.counters_agree(failed.total() + requeued, len(jobs) + requeued, twice)
        return Counter(
            jobs=len(jobs),
            lost=len(lost),
            doubled=doubled,
            failed=failed.total(),
            retried=int(self.redis.get("resque:stat:retried") or 0),
            killed=self.killed,
            faults=self.proxy.done.total(),
        )

    def traces(self, job_ids: list[str]) -> list[Any]:
        """Of jobs that are lost: their lines in the ledger, and what in Redis names them."""
        found: list[Any] = [line for line in self.ledger.lines() if line.job_id in job_ids]
        for key in self.redis.scan_iter("resque:*", count=1000):
            kind = self.redis.type(key)
            values = {
                "string": [self.redis.get],
                "list": [lambda key: self.redis.lrange(key, 0, -1)],
            }
            text = f"{key} {[read(key) for read in values.get(kind, [])]}"
            found += [text[:1000]] if any(each in text for each in job_ids) else []
        return [*found, *(work.output for work in self.works), self.server.log]

    def status(self, job_id: str) -> int | None:
        """As its clients see it."""
        status = self.redis.get(f"resque:job:{job_id}:status")
        return int(json.loads(status)["status"]) if status else None

    def left_by_workers(self) -> list[str]:
        """Records, leases, heartbeats and counters of workers that are no more."""
        found: set[str] = set()
        for pattern in OF_WORKERS:
            found.update(self.redis.scan_iter(f"resque:{pattern}", count=1000))
        return sorted(found)

    def statuses_are_true(self, failed: Counter[str]) -> None:
        """Ended, each of them, and as the failed list says."""
        for job_id in self.acknowledged:
            assert self.status(job_id) == (FAILED if failed[job_id] else COMPLETE), job_id

    def counters_agree(self, failed: int, settled: int, more: int = 0) -> None:
        """Each job was settled once, as done or as failed; at most so many once more."""
        names = ("processed", "failed", "retried")
        processed, failures, retried = (
            int(self.redis.get(f"resque:stat:{name}") or 0) for name in names
        )
        assert settled <= processed <= settled + more
        assert failures == failed
        tries = sum(attempt - 1 for attempt in self.ledger.attempts().values())
        # One that was killed before its job began has spent an attempt that nobody saw begin.
        assert tries <= retried <= tries + self.killed + more


def begin(directory: Path, farm: Farm, ledger: Ledger) -> Field:
    server = Server(directory)
    return Field(farm, server, Proxy(server.port), ledger)


def end(field: Field) -> None:
    field.redis.close()
    field.proxy.close()
    field.server.kill()
    shutil.rmtree(field.directory, ignore_errors=True)


def directory() -> Path:
    return Path(tempfile.mkdtemp(prefix="rq"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
