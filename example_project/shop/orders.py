"""What can be done with an order. Each step that needs time is a job."""

from django.db import transaction

from django_resque import enqueue

from .jobs import SendReceipt, charge
from .models import Order, Product


def place(product: Product) -> Order:
    """
    A new order, and its receipt on the way: both or neither.

    The job is pushed when the transaction commits, so no worker looks for a row that is
    not there yet. Its id is known before, and can be stored with the row.
    """
    with transaction.atomic():
        order = Order.objects.create(product=product, price=product.price)
        order.receipt_job = enqueue(SendReceipt, order.pk).id
        order.save(update_fields=["receipt_job"])
    return order


def pay(order: Order, card: str) -> None:
    """Charge a card, "valid" or "expired", in the background."""
    with transaction.atomic():
        order.payment_job = enqueue(charge, order.pk, card=card).id
        order.save(update_fields=["payment_job"])
