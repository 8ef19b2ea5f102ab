"""What the shop keeps. A row that waits for a job keeps the job's id."""

from django.db import models

from django_resque import job_status


class Product(models.Model):
    name = models.CharField(max_length=40)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    picture = models.ImageField(upload_to="pictures", blank=True)
    thumbnail = models.ImageField(upload_to="thumbnails", blank=True, editable=False)
    resize_job = models.CharField(max_length=32, blank=True, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def resize_status(self) -> str | None:
        return job_status(self.resize_job).status


class Order(models.Model):
    product = models.ForeignKey(Product, models.PROTECT)
    price = models.DecimalField(max_digits=8, decimal_places=2)  #: On the day of the order.
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


class Report(models.Model):
    created_at = models.DateTimeField(auto_now_add=True)
    progress = models.PositiveSmallIntegerField(default=0)  #: In percent.
    text = models.CharField(max_length=200, blank=True)
    job = models.CharField(max_length=32, blank=True, editable=False)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Report {self.pk}"

    @property
    def status(self) -> str | None:
        return job_status(self.job).status


class Subscriber(models.Model):
    """Somebody who wants the newsletter."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.email


class Recording(models.Model):
    """What a job of a program in another language brought."""

    job_id = models.CharField(max_length=32, blank=True)  #: Ruby's jobs have none.
    args = models.JSONField()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Recording {self.pk}"
