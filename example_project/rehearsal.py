"""
The fixed set of jobs of `demo.py --once`: enqueue them, and see what became of each.

What happened is read as others would read it: handles and database rows on the shop's
side, the plain keys of Resque on the side of Redis. Import this after django.setup().
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outcomes import Outcome
from redis import Redis
from shop import orders
from shop.jobs import charge
from shop.models import Order, Recording

from django_resque import JobHandle, enqueue, job_status

RECORDED = Path(__file__).parent / "recorded"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A job as a program in another language pushed it, and the `args` it meant by that."""

    queue: str
    id: str
    payload: str
    status: str
    args: list[Any]


@dataclass(frozen=True, slots=True)
class FixedSet:
    order: Order
    paid: JobHandle
    declined: JobHandle
    php: Recorded
    ruby: Recorded


def recorded(language: str) -> Recorded:
    """What recorded/LANGUAGE.json holds."""
    fields = json.loads((RECORDED / f"{language}.json").read_text("utf-8"))
    del fields["recorded"]  # The note for people.
    return Recorded(**fields)


def enqueue_fixed_set(redis: Redis, namespace: str) -> FixedSet:
    """Each job in the way of its kind; the recorded ones past django-resque, as they came."""
    order = orders.place("Espresso cups")
    paid, declined = enqueue(charge, order.pk), enqueue(charge, order.pk, card="expired")
    fixed = FixedSet(order, paid, declined, recorded("php"), recorded("ruby"))
    for job in (fixed.php, fixed.ruby):
        redis.sadd(f"{namespace}:queues", job.queue)
        redis.rpush(f"{namespace}:queue:{job.queue}", job.payload)
        if job.status:
            redis.set(f"{namespace}:job:{job.id}:status", job.status)
    return fixed


def outcomes(fixed: FixedSet, redis: Redis, namespace: str) -> list[Outcome]:
    """What became of the fixed set."""
    order = Order.objects.get(pk=fixed.order.pk)
    failures = [json.loads(raw) for raw in redis.lrange(f"{namespace}:failed", 0, -1)]
    receipt = "Receipt 1: Espresso cups, CHF 24.00"
    return [
        Outcome("a class", ["complete", receipt], _end(order.receipt_job)),
        Outcome("  what it did", receipt, order.receipt),
        Outcome("a function", ["complete", "paid"], _end(fixed.paid.id)),
        Outcome("  what it did", True, order.paid),
        Outcome("one that fails", ["failed", None], _end(fixed.declined.id)),
        Outcome(
            "  its exception",
            ["shop.jobs.CardDeclined"],
            [failure["exception"] for failure in failures],
        ),
        Outcome(
            "  its error",
            ["The card of order 1 has expired."],
            [failure["error"] for failure in failures],
        ),
        Outcome(
            "  its args",
            [[1, "expired"]],
            [failure["payload"]["args"] for failure in failures],
        ),
        Outcome("PHP's recorded job", ["complete", None], _end(fixed.php.id)),
        Outcome("  its args", [fixed.php.args], _recordings(fixed.php.id)),
        Outcome("Ruby's recorded job, its args", [fixed.ruby.args], _recordings(fixed.ruby.id)),
        Outcome("jobs processed, failed, waiting", [5, 1, 0], _counts(redis, namespace)),
    ]


def _end(job_id: str) -> list[Any]:
    handle = job_status(job_id)
    return [handle.status, handle.result]


def _recordings(job_id: str) -> list[Any]:
    """The args of each time a job was performed, so once is a list of one."""
    return list(Recording.objects.filter(job_id=job_id).values_list("args", flat=True))


def _counts(redis: Redis, namespace: str) -> list[int]:
    """Processed, failed and waiting, in the whole namespace."""
    return [
        int(redis.get(f"{namespace}:stat:processed") or 0),
        int(redis.get(f"{namespace}:stat:failed") or 0),
        sum(redis.llen(key) for key in redis.scan_iter(match=f"{namespace}:queue:*")),
    ]
