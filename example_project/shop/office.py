"""The work behind the counter: what takes long, or comes in great numbers."""

from collections.abc import Iterable

from django.db import transaction

from django_resque import enqueue, enqueue_many, queues

from .jobs import SalesReport, subscribe
from .models import Report


def start_report() -> Report:
    """Its row is there at once, and is filled in by a worker."""
    with transaction.atomic():
        report = Report.objects.create()
        report.job = enqueue(SalesReport, report.pk).id
        report.save(update_fields=["job"])
    return report


def import_subscribers(rows: Iterable[tuple[str, str]]) -> int:
    """One job for each row, email and name; a thousand of them are one round trip to Redis."""
    return len(enqueue_many([(subscribe, email, name) for email, name in rows]))


def waiting() -> dict[str, int]:
    """How many jobs wait in these queues."""
    return {name: queues.size(name) for name in ("imports", "raw")}
