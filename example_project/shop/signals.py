"""What follows from a save, wherever it happened: on the shop's pages, in the admin, in a shell."""

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from django_resque import enqueue

from .jobs import resize
from .models import Product


@receiver(post_save, sender=Product)
def resize_its_picture(instance: Product, raw: bool, **kwargs: Any) -> None:
    """
    The job is pushed when the transaction of the save commits, so its worker finds the
    row. (Rows of a fixture are raw: they bring their thumbnails.)
    """
    if instance.picture and not raw:
        job = enqueue(resize, instance.pk)
        Product.objects.filter(pk=instance.pk).update(resize_job=job.id)
