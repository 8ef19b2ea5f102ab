"""The page "Overview": is it fine?"""

from django.http import HttpRequest, HttpResponseBase

from django_resque import conf, monitor

from .pages import Entry, render, requires


@requires("view")
def overview(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    return render(entry, request, "overview", now=monitor.overview(conf.store()))
