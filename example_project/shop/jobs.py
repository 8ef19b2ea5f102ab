"""
The shop's jobs. Because this file is called jobs.py it is found in the web process
and in the workers.

A job may be performed a second time, if its worker was killed in between: so each
looks first, or does what does no harm twice.
"""

from typing import Any

from django_resque import Job, job

from .models import Order, Recording


class SendReceipt(Job):
    """A class: for a job with state, hooks or a base of its own."""

    queue = "mail"

    def perform(self, order_id: int) -> str:
        order = Order.objects.get(pk=order_id)
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


class Recorder(Job):
    """
    A job that Ruby and PHP programs enqueue. `name` is what they call it: no Python path
    needs to stand in their code.
    """

    name = "Recorder"
    queue = "raw"

    def perform(self, *args: Any) -> None:
        Recording.objects.create(job_id=self.id, args=list(args))
