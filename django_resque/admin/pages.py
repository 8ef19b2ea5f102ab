"""
What every page has in common: its place in the admin, who may see it, its frame, and what
stands there when Redis cannot be asked. No page itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from django_resque import conf, connection, monitor, rows

if TYPE_CHECKING:
    from django.db.models import Model

    ModelAdmin = admin.ModelAdmin[Model]
else:
    ModelAdmin = admin.ModelAdmin

T = TypeVar("T")

#: Called with the Entry it belongs to, the request, and what its route has caught.
View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of an entry. Its URL is named `admin:django_resque_<name>`."""

    name: str
    route: str  #: Under the entry's own address.
    view: View


#: Queues or workers on one page. A row takes half a millisecond, and 700 bytes.
ROWS = 100


class Entry(ModelAdmin):
    """An entry of the admin's index that leads to pages of ours instead of records."""

    #: The first is where the index and the sidebar lead.
    pages: ClassVar[tuple[Page, ...]] = ()

    def may(self, request: HttpRequest, permission: str) -> bool:
        """Whether the user has one of our permissions: view, retry, delete, control."""
        return request.user.has_perm(f"{self.opts.app_label}.{permission}")

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return self.may(request, "view")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        label = self.opts.app_label
        urls = [
            path(
                page.route,
                self.admin_site.admin_view(partial(page.view, self)),
                name=f"{label}_{page.name}",
            )
            for page in self.pages
        ]
        # The index and the sidebar look for the first page under this name.
        first = path("", urls[0].callback, name=f"{label}_{self.opts.model_name}_changelist")
        return [first, *urls]

    def url(self, page: str, *args: object) -> str:
        """The address of a page of ours on this entry's site."""
        name = f"admin:{self.opts.app_label}_{page}"
        return reverse(name, args=args, current_app=self.admin_site.name)


class Frame(TemplateResponse):
    """A page that can always be sent."""

    @property
    def rendered_content(self) -> str:
        return readable(super().rendered_content)


def readable(text: str) -> str:
    """
    `text` with a replacement character for each lone surrogate, which cannot be encoded.

    Bytes from Redis that are not UTF-8 stand as such, and so may JSON's escapes.
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def requires(permission: str) -> Callable[[View], View]:
    """
    Let only users with this permission in.

    If the view finds Redis away, or the settings useless, a page that says so answers.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(entry: Entry, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            if not entry.may(request, permission):
                raise PermissionDenied
            try:
                return view(entry, request, **kwargs)
            except ImproperlyConfigured as error:
                return _unavailable(entry, request, str(error))
            except monitor.Unavailable as error:
                return _unavailable(entry, request, _why(error))

        return guarded

    return decorate


def render(
    entry: Entry,
    request: HttpRequest,
    template: str,
    *,
    title: str = "",
    trail: Sequence[tuple[str, str]] = (),
    status: int = 200,
    **context: Any,
) -> Frame:
    """
    A page in the admin's frame. `title` defaults to the entry's name; `trail` is what
    stands before it among the breadcrumbs, as (address, text), after the app.
    """
    site, opts = entry.admin_site, entry.opts
    request.current_app = site.name  # {% url %} looks there
    title = title or capfirst(str(opts.verbose_name_plural))
    app = reverse("admin:app_list", args=[opts.app_label], current_app=site.name)
    crumbs = [
        (reverse("admin:index", current_app=site.name), _("Home")),
        (app, str(apps.get_app_config(opts.app_label).verbose_name)),
        *trail,
        ("", title),
    ]
    frame = {
        **site.each_context(request),
        "opts": opts,
        "title": title,
        "subtitle": None,
        "crumbs": crumbs,
    }
    name = f"admin/{opts.app_label}/{template}.html"
    return Frame(request, name, {**frame, **context}, status=status)


def paged(found: Sequence[T], number: int) -> dict[str, Any]:
    """For templates: the rows of one page."""
    first = (number - 1) * ROWS
    page = rows.Page(list(found[first : first + ROWS]), len(found), number, ROWS)
    return {"page": page}


def _why(error: monitor.Unavailable) -> str:
    """A refused write has changed nothing: what is refused is refused before the first one."""
    kind = connection.refusal(error)
    if kind == "full":
        text = _("Redis at %(address)s is full and refused this: nothing was changed. (%(error)s)")
    elif kind == "replica":
        text = _(
            "Redis at %(address)s is a replica and takes no writes: nothing was changed. "
            "(%(error)s)"
        )
    elif kind == "forbidden":
        text = _("The user of Redis at %(address)s may not do this. (%(error)s)")
    else:
        text = _("Redis at %(address)s cannot be asked: %(error)s")
    return text % {"address": conf.address(), "error": error}


def _unavailable(entry: Entry, request: HttpRequest, sentence: str) -> Frame:
    return render(entry, request, "unavailable", status=503, sentence=sentence)
