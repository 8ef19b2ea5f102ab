"""The shop's sales, added up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Count, Sum
from django.utils import timezone

from .models import Order


@dataclass(frozen=True, slots=True)
class Day:
    orders: int
    francs: Decimal


def last_days(count: int) -> Iterator[date]:
    """The oldest first, today last."""
    today = timezone.localdate()
    return (today - timedelta(days=ago) for ago in reversed(range(count)))


def of(day: date) -> Day:
    found = Order.objects.filter(placed_at__date=day).aggregate(Count("pk"), Sum("price"))
    return Day(found["pk__count"], found["price__sum"] or Decimal(0))


def summary(days: Sequence[Day]) -> str:
    orders, francs = sum(day.orders for day in days), sum(day.francs for day in days)
    return f"Orders in {len(days)} days: {orders}, CHF {francs:.2f}"
