"""The pages of the admin, and views that enqueue: what a site under ASGI may be made of."""

from collections.abc import Callable

from asgiref.sync import async_to_sync, sync_to_async
from django.contrib import admin
from django.core.exceptions import SynchronousOnlyOperation
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from django_resque import JobHandle, aenqueue, enqueue
from tests.project import jobs


def nothing() -> None:
    pass


#: What happens in the middle of a view. Tests put something here.
meanwhile: Callable[[], object] = nothing


def answer(request: HttpRequest, handle: JobHandle) -> HttpResponse:
    """Which job was enqueued and whether it is pushed by now; `?fail` raises instead."""
    meanwhile()
    if "fail" in request.GET:
        raise jobs.Boom
    return JsonResponse({"id": handle.id, "so far": handle.status})


def plain(request: HttpRequest) -> HttpResponse:
    return answer(request, enqueue(jobs.note, "path"))


def with_a_loop(request: HttpRequest) -> HttpResponse:
    """A sync view that calls async code."""
    return answer(request, async_to_sync(aenqueue)(jobs.note, "path"))


def in_a_transaction(request: HttpRequest) -> HttpResponse:
    with transaction.atomic():
        return plain(request)


async def awaiting(request: HttpRequest) -> HttpResponse:
    handle = await aenqueue(jobs.note, "path")
    return await sync_to_async(answer)(request, handle)


async def blocking(request: HttpRequest) -> HttpResponse:
    """The mistake."""
    try:
        enqueue(jobs.note, "path")
    except SynchronousOnlyOperation as error:
        return JsonResponse({"error": str(error)})
    return JsonResponse({})


async def calling(request: HttpRequest) -> HttpResponse:
    """An async view that calls sync code with a transaction."""
    return await sync_to_async(in_a_transaction)(request)


async def calling_aside(request: HttpRequest) -> HttpResponse:
    """The same in a thread of its own, which has database connections of its own."""
    return await sync_to_async(in_a_transaction, thread_sensitive=False)(request)


urlpatterns = [
    path("admin/", admin.site.urls),
    path("plain/", plain),
    path("with-a-loop/", with_a_loop),
    path("in-a-transaction/", in_a_transaction),
    path("awaiting/", awaiting),
    path("blocking/", blocking),
    path("calling/", calling),
    path("calling-aside/", calling_aside),
]
