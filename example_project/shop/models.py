"""What the shop keeps. A row that waits for a job keeps the job's id."""

from django.db import models

from django_resque import job_status


class Order(models.Model):
    product = models.CharField(max_length=40)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    placed_at = models.DateTimeField(auto_now_add=True)
    paid = models.BooleanField(default=False)
    receipt = models.CharField(max_length=200, blank=True)
    receipt_job = models.CharField(max_length=32, blank=True, editable=False)
    payment_job = models.CharField(max_length=32, blank=True, editable=False)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Order {self.pk}: {self.product}"

    @property
    def receipt_status(self) -> str | None:
        return job_status(self.receipt_job).status

    @property
    def payment_status(self) -> str | None:
        return job_status(self.payment_job).status


class Recording(models.Model):
    """What a job of a program in another language brought."""

    job_id = models.CharField(max_length=32, blank=True)  #: Ruby's jobs have none.
    args = models.JSONField()

    def __str__(self) -> str:
        return f"Recording {self.pk}"
