"""What every action has in common: it comes by POST, may be confirmed, and leaves a log entry."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import (
    HttpRequest,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)

from .pages import Entry, View, readable, render, requires

#: Largest number that is taken seriously. Redis counts to 2 ** 63.
LARGEST = 10**12


def acts(permission: str) -> Callable[[View], View]:
    """Let only users with this permission in, and only by POST. Else as `requires`."""

    def decorate(view: View) -> View:
        @wraps(view)
        def posted(entry: Entry, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            if request.method != "POST":
                return HttpResponseNotAllowed(["POST"])
            return view(entry, request, **kwargs)

        return requires(permission)(posted)

    return decorate


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before something is done."""

    title: str
    sentence: str  #: What would happen.
    button: str
    back: str  #: Where to go instead.
    fields: list[tuple[str, object]]  #: What the button posts, to the same address.
    destroys: bool = True


def confirmation(entry: Entry, request: HttpRequest, question: Question) -> HttpResponseBase:
    return render(entry, request, "confirm", title=question.title, question=question)


def done(
    entry: Entry, request: HttpRequest, to: str, text: str, address: str, name: str
) -> HttpResponseBase:
    """
    After an action: its log entry, a message, and on to another page. `address` is what the
    log knows the thing by, `name` what people do.
    """
    LogEntry.objects.create(
        user_id=request.user.pk,  # type: ignore[misc]  # nobody anonymous comes here
        content_type=ContentType.objects.get_for_model(entry.model, for_concrete_model=False),
        object_id=_storable(address),
        object_repr=_storable(name)[:200],
        action_flag=CHANGE,
        change_message=_storable(text),
    )
    messages.success(request, readable(text))
    return HttpResponseRedirect(to)


def nothing(request: HttpRequest, to: str, text: str) -> HttpResponseBase:
    """Instead of an action that found nothing to do: why, and on to another page."""
    messages.warning(request, readable(text))
    return HttpResponseRedirect(to)


def number(text: str | None) -> int:
    """A number that came with a request; 0 for what is none, or absurd."""
    try:
        found = int(text or "")
    except ValueError:
        return 0
    return found if 0 < found <= LARGEST else 0


def _storable(text: str) -> str:
    """Without NUL, which PostgreSQL refuses, and what cannot be encoded."""
    return readable(text).replace("\0", "")
