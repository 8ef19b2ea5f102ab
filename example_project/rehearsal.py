"""
The fixed set of jobs of `demo.py --once`: enqueue them, and see what became of each.

What happened is read as others would read it: handles and database rows on the shop's
side, the plain keys of Resque on the side of Redis. Import this after django.setup().
"""

import json
from dataclasses import dataclass
from typing import Any

from outcomes import Outcome
from PIL import Image
from redis import Redis
from shop import office, orders, samples
from shop.jobs import charge
from shop.models import Order, Product, Recording, Report, Subscriber
from shop.other_languages import Recorded, push, recorded

from django_resque import JobHandle, enqueue, job_status

#: Rows of the import.
ROWS = 1000


@dataclass(frozen=True, slots=True)
class FixedSet:
    order: Order
    report: Report
    paid: JobHandle
    declined: JobHandle
    php: Recorded
    ruby: Recorded


def enqueue_fixed_set(redis: Redis) -> FixedSet:
    """Each job in the way of its kind; the recorded ones past django-resque, as they came."""
    [cups] = samples.stock("Espresso cups")
    order = orders.place(cups)
    paid, declined = enqueue(charge, order.pk), enqueue(charge, order.pk, card="expired")
    report = office.start_report()
    office.import_subscribers(samples.subscribers(ROWS))
    php, ruby = recorded("php"), recorded("ruby")
    push(redis, php)
    push(redis, ruby)
    return FixedSet(order, report, paid, declined, php, ruby)


def outcomes(fixed: FixedSet, redis: Redis, namespace: str) -> list[Outcome]:
    """What became of the fixed set."""
    order = Order.objects.get(pk=fixed.order.pk)
    product = Product.objects.get(pk=order.product_id)
    report = Report.objects.get(pk=fixed.report.pk)
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
        Outcome("one enqueued by a signal", "complete", product.resize_status),
        Outcome("  what it did", [400, 300], _size(product)),
        Outcome("one with progress", ["complete", 100], [report.status, report.progress]),
        Outcome("  what it did", "Orders in 30 days: 1, CHF 24.00", report.text),
        Outcome("one for each of 1,000 rows", ROWS, Subscriber.objects.count()),
        Outcome("PHP's recorded job", ["complete", None], _end(fixed.php.id)),
        Outcome("  its args", [fixed.php.args], _recordings(fixed.php.id)),
        Outcome("Ruby's recorded job, its args", [fixed.ruby.args], _recordings(fixed.ruby.id)),
        Outcome("jobs processed, failed, waiting", [ROWS + 7, 1, 0], _counts(redis, namespace)),
    ]


def _end(job_id: str) -> list[Any]:
    handle = job_status(job_id)
    return [handle.status, handle.result]


def _size(product: Product) -> list[int]:
    with product.thumbnail.open() as file, Image.open(file) as picture:
        return list(picture.size)


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
