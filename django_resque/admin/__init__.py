"""
The pages inside the Django admin. They show what monitor reads and do what control does.

On an AdminSite of your own: `for model, entry in ENTRIES.items(): site.register(model, entry)`.
"""

from typing import Any

from django.contrib import admin

from django_resque import models

from .failures import failure, failures, retry
from .overview import overview
from .pages import Entry, Page


class OverviewAdmin(Entry):
    pages = (Page("overview", "", overview),)


class FailuresAdmin(Entry):
    pages = (
        Page("failures", "", failures),
        Page("retry", "retry/", retry),
        Page("failure", "<slug:digest>/", failure),
    )


ENTRIES: dict[Any, type[Entry]] = {
    models.Overview: OverviewAdmin,
    models.Failures: FailuresAdmin,
}

for _model, _entry in ENTRIES.items():
    admin.site.register(_model, _entry)
