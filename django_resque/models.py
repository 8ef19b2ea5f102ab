"""
Entries of the admin's index, and the permissions. No model here has a table: the facts
are in Redis.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Overview(models.Model):
    """The entry of the overview page. Bears every permission, of the other pages too."""

    class Meta:
        managed = False
        default_permissions = ()
        # Stored in the database when the project migrates, hence not translated.
        permissions = [
            ("view", "Can see queues, workers, jobs and failures"),
            ("retry", "Can retry failed jobs"),
            ("delete", "Can delete jobs and failures"),
            ("control", "Can pause queues and stop workers"),
        ]
        verbose_name = _("overview")
        verbose_name_plural = _("Overview")


class Failures(models.Model):
    """The entry of the list of failures."""

    class Meta:
        managed = False
        default_permissions = ()
        verbose_name = _("failure")
        verbose_name_plural = _("Failures")


class Queues(models.Model):
    """The entry of the pages of queues."""

    class Meta:
        managed = False
        default_permissions = ()
        verbose_name = _("queue")
        verbose_name_plural = _("Queues")


class Workers(models.Model):
    """The entry of the pages of workers."""

    class Meta:
        managed = False
        default_permissions = ()
        verbose_name = _("worker")
        verbose_name_plural = _("Workers")


class Delayed(models.Model):
    """The entry of the pages of delayed jobs."""

    class Meta:
        managed = False
        default_permissions = ()
        verbose_name = _("delayed job")
        verbose_name_plural = _("Delayed jobs")


class Stats(models.Model):
    """The entry of the page of numbers over time."""

    class Meta:
        managed = False
        default_permissions = ()
        verbose_name = _("statistics")
        verbose_name_plural = _("Stats")
