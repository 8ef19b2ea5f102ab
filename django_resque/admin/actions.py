"""What every action has in common: it comes by POST, may be confirmed, and leaves a log entry."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from .pages import Entry, View, readable, render, requires

#: Largest number that is taken seriously. Redis counts to 2 ** 63.
LARGEST = 10**12


def acts(permission: str) -> Callable[[View], View]:
    """Let only users with this permission in, and only by POST. Else as `requires`."""

    def decorate(view: View) -> View:
        @wraps(view)
        def posted(entry: Entry, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            if request.method != "POST":
                return _not_asked(entry, request)
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
    trail = [(entry.url(entry.pages[0].name), capfirst(str(entry.opts.verbose_name_plural)))]
    return render(entry, request, "confirm", title=question.title, trail=trail, question=question)


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


def _not_asked(entry: Entry, request: HttpRequest) -> HttpResponseBase:
    """Whoever must log in again when he has pressed a button is led here, without what it sent."""
    text = _("Nothing was done: for that, a button must be pressed. Go back, and press it again.")
    back = entry.url(entry.pages[0].name)
    response = render(entry, request, "unavailable", status=405, sentence=text, back=back)
    response["Allow"] = "POST"
    return response


def _storable(text: str) -> str:
    """Without NUL, which PostgreSQL refuses, and what cannot be encoded."""
    return readable(text).replace("\0", "")
