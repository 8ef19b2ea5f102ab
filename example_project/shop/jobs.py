"""
The shop's jobs. Because this file is called jobs.py it is found in the web process
and in the workers.

A job may be performed a second time, if its worker was killed in between: so each
looks first, or does what does no harm twice.
"""

import time
from io import BytesIO
from typing import Any

from django.core.files.base import ContentFile
from PIL import Image

from django_resque import Job, Retry, job

from . import sales
from .models import Order, Product, Recording, Report, Subscriber


class SendReceipt(Job):
    """A class: for a job with state, hooks or a base of its own."""

    queue = "mail"
    retry = Retry(limit=5, delay=10, on=OSError)  # What a mail server in trouble raises.

    def perform(self, order_id: int) -> str:
        order = Order.objects.select_related("product").get(pk=order_id)
        order.receipt = f"Receipt {order.pk}: {order.product}, CHF {order.price}"
        order.save(update_fields=["receipt"])
        return order.receipt


class CardDeclined(Exception):
    """Not the shop's fault, but a person should see it: so it is raised, and becomes a failure."""


@job(queue="payments")
def charge(order_id: int, card: str = "valid") -> str:
    """A function: most jobs need no more. An "expired" card fails."""
    if card == "expired":
        raise CardDeclined(f"The card of order {order_id} has expired.")
    Order.objects.filter(pk=order_id).update(paid=True)
    return "paid"


@job(queue="images", timeout=30)
def resize(product_id: int, width: int = 400) -> None:
    """A thumbnail of the picture as it is now. It is saved by update(), which sends no signal."""
    product = Product.objects.get(pk=product_id)
    content = BytesIO()
    with product.picture.open() as file, Image.open(file) as picture:
        thumbnail = picture.convert("RGB")
    thumbnail.thumbnail((width, width))
    thumbnail.save(content, "JPEG")
    product.thumbnail.delete(save=False)
    product.thumbnail.save(f"{product.pk}.jpg", ContentFile(content.getvalue()), save=False)
    Product.objects.filter(pk=product.pk).update(thumbnail=product.thumbnail.name)


class SalesReport(Job):
    """Its progress is a column of its row, so that any page can show it."""

    queue = "reports"
    days = 30

    def perform(self, report_id: int) -> str:
        report, lines = Report.objects.get(pk=report_id), []
        for number, day in enumerate(sales.last_days(self.days), start=1):
            lines.append(sales.of(day))
            time.sleep(0.05)  # A bigger shop has more to add up.
            report.progress = 100 * number // self.days
            report.save(update_fields=["progress"])
        report.text = sales.summary(lines)
        report.save(update_fields=["text"])
        return report.text


@job(queue="imports")
def subscribe(email: str, name: str) -> None:
    """One row of an import."""
    Subscriber.objects.update_or_create(email=email, defaults={"name": name})


class Recorder(Job):
    """
    A job that Ruby and PHP programs enqueue. `name` is what they call it: no Python path
    needs to stand in their code.
    """

    name = "Recorder"
    queue = "raw"

    def perform(self, *args: Any) -> None:
        Recording.objects.create(job_id=self.id, args=list(args))
