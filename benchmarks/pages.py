"""
What each page of the admin costs on a large farm: a million failures, a thousand queues and a
thousand workers, each with a job in its hands.

For each page: how many round trips it takes, how many commands those hold, the longest of them
and all together by the server's own clock (SLOWLOG), how long the page takes here, and its size.
Each is asked for once before it is measured.
"""

import json
import random
import time
from collections.abc import Iterator
from typing import Any

from redis.connection import AbstractConnection

from django_resque.about import About
from django_resque.failure import Failure
from django_resque.parcels import Parcel
from django_resque.store import Store, Take
from django_resque.wire import Payload, Reservation

from . import farm

ROOT = "/admin/django_resque/"

#: Failures that are pushed in one command.
CHUNK = 2000


def fill(store: Store, failures: int, queues: int, workers: int) -> None:
    names = [f"queue{number}" for number in range(queues)]
    for number, name in enumerate(names):
        due = int(time.time()) + 3600 + number // 10
        store.push([Parcel(name, job(number)), Parcel(name, job(10**7 + number), due=due)])
    for number in range(workers):
        worker_id = f"host{number % 50}:{number}:{','.join(random.sample(names, 3))}"
        store.register(worker_id, About("m", 7, "1", 6, "0", "0.1.0"))
        store.push([Parcel("in hand", job(10**6 + number))])
        store.reserve(Take.new(worker_id, ["in hand"]))
    for first in range(0, failures, CHUNK):
        found = [raw(number, failures) for number in range(first, min(failures, first + CHUNK))]
        store.redis.rpush(store.keys.failed, *found)


def job(number: int) -> Payload:
    return Payload.new("shop.jobs.Send", [number], farm.job_id(number), time.time())


def raw(number: int, total: int) -> str:
    """A failure of some hundred bytes; they come one each second, until now."""
    payload = Payload.new("shop.jobs.Charge", [number, {"size": 7}], farm.job_id(number), 1.0)
    held = Reservation("host:1:mail", f"queue{number % 9}", "", "", "", payload)
    error = (ValueError, KeyError, OSError)[number % 3](f"no such order: {number}")
    return Failure.of(error, held, time.time() - (total - number)).encode()


def addresses(store: Store, failures: int) -> Iterator[tuple[str, str]]:
    from django_resque import monitor

    middle = monitor.failures(store, failures // 50 or 1).rows[0]
    worker_id = min(store.leases())
    yield "overview", "overview/"
    yield "queues", "queues/"
    yield "queue", "queues/queue/?name=queue0"
    yield "workers", "workers/"
    yield "worker", f"workers/worker/?id={worker_id}"
    yield "failures", "failures/"
    yield "failures, in the middle", f"failures/?page={failures // 50 or 1}"
    yield "failures, filtered", "failures/?class=Nobody"
    yield "failures, by text", "failures/?text=nobody"
    yield "groups", "failures/groups/"
    yield "failure, in the middle", f"failures/{middle.digest}/?near={middle.position}"
    yield "delayed", "delayed/"
    yield "job", f"overview/job/?id={farm.job_id(3)}"


def measure(store: Store, client: Any, what: str, url: str) -> None:
    redis, sent = store.redis, []
    original: Any = AbstractConnection.send_packed_command

    def send(self: Any, *args: Any, **kwargs: Any) -> Any:
        sent.append(1)
        return original(self, *args, **kwargs)

    client.get(ROOT + url)
    redis.slowlog_reset()
    AbstractConnection.send_packed_command = send  # type: ignore[method-assign]  # to count
    began = time.perf_counter()
    response = client.get(ROOT + url)
    seconds = time.perf_counter() - began
    AbstractConnection.send_packed_command = original  # type: ignore[method-assign]  # as it was
    spent = [
        (entry["duration"], entry["command"].partition(b" ")[0].decode())
        for entry in redis.slowlog_get(100_000)
        if not entry["command"].upper().startswith((b"SLOWLOG", b"CONFIG"))
    ]
    if response.status_code != 200 or not spent:
        raise SystemExit(f"{url} answered {response.status_code}.")
    longest, name = max(spent)
    print(
        f"{what:26}{len(sent):6}{len(spent):10}{longest / 1000:9.2f} ms {name:10}"
        f"{sum(each for each, _ in spent) / 1000:8.2f} ms{seconds * 1000:8.0f} ms"
        f"{len(response.content) / 1000:8.0f} kB"
    )


def main() -> None:
    asked = farm.flags(__doc__, failures=1_000_000, queues=1000, workers=1000)
    with farm.running("benchmarks.site") as store:
        from django.contrib.auth.models import User
        from django.core.management import call_command
        from django.test import Client

        call_command("migrate", verbosity=0)
        client = Client()
        client.force_login(User.objects.create_superuser("ada"))
        fill(store, asked.failures, asked.queues, asked.workers)
        store.redis.config_set("slowlog-log-slower-than", 0)
        store.redis.config_set("slowlog-max-len", 100_000)
        counts = json.dumps(vars(asked))
        print(f"{counts}\n{'':26}{'trips':>6}{'commands':>10}{'longest':>12} {'':10}", end="")
        print(f"{'Redis':>11}{'page':>11}{'size':>11}")
        for what, url in addresses(store, asked.failures):
            measure(store, client, what, url)


if __name__ == "__main__":
    main()
