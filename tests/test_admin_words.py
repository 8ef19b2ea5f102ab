"""Every word on the pages can be translated: shown in a language where all words are marked."""

import gettext
import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import trans_real
from redis import Redis

from django_resque import contents
from django_resque.about import About
from django_resque.store import Store
from tests.test_admin import FAILURES, OVERVIEW, RETRY, WORKER, fail, failure_url, newest
from tests.test_admin_actions import EDIT, KILL, RUN, held, run_forms
from tests.test_admin_pages import (
    ASKING,
    DELAYED,
    JOB,
    QUEUES,
    SEVERAL,
    SHOWN,
    WORKERS,
    fill,
    first_delayed,
    first_waiting,
    push,
)
from tests.test_sentences import failed

pytestmark = pytest.mark.django_db

#: What stands on the pages and is nobody's word: names, ids and values of these tests.
DATA = re.compile(
    r"web-\d|mail|mial|images|host|login|shop\.jobs\.\w+|tests\.\S+|ValueError|no such order|Old"
    r"|admin|Resque|Python|ruby|Ruby|PHP|Node\.js|held|waiting|later|redis://\S+|unix://\S+"
    r"|\b[0-9a-f]{10,}\b|\.{3}|\bX\b|\bs\b"
)


class Marked(gettext.NullTranslations):
    """A language in which every text stands between marks."""

    def gettext(self, message: str) -> str:
        return f"«{message}»"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"«{msgid1 if n == 1 else msgid2}»"

    def to_language(self) -> str:
        return "en"


@pytest.fixture
def marked_language() -> Iterator[None]:
    active: Any = vars(trans_real)["_active"]
    active.value = Marked()
    yield
    del active.value


def unmarked(found: str) -> list[str]:
    """Words between the tags, and in labels and titles, that were not given to gettext."""
    own = found.partition('id="content-start"')[2].partition("<footer")[0]
    own = own.replace("<wbr>", "")
    own = re.sub(r"<(pre|code|time|script|textarea)\b.*?</\1>", " ", own, flags=re.DOTALL)
    labels = re.findall(r'\b(?:aria-label|title|placeholder)="([^"]*)"', own)
    shown = html.unescape(" | ".join([re.sub(r"<[^>]*>", " ", own), *labels]))
    before = ""
    while shown != before:
        before, shown = shown, re.sub(r"«[^«»]*»", " ", shown)
    return re.findall(r"[A-Za-z]{2,}[^|]{0,30}", DATA.sub(" ", shown.partition(">")[2] or shown))


def test_a_word_that_is_not_given_to_gettext_is_found() -> None:
    assert unmarked('<a id="content-start">«Fine %(n)s» <b title="«x»">mail</b> Hello you') == [
        "Hello you "
    ]


def test_every_word_can_be_translated(
    admin_client: Client, store: Store, redis: Redis, marked_language: None
) -> None:
    fill(store)
    push(store, 1, queue="mial")
    failed(redis, *[1] * 40)
    store.register("web-2:1:mail", About("m", 1, "1", 1, "1", "0.0.1", paused=True))
    store.register("web-3:1:mail", About("m", 1, "1", 1, "1", "0.1.0", code="other"))
    redis.hset("resque:workers:lease", "web-3:1:mail", "1")
    redis.hset("resque:queues:paused", "images", "{}")
    redis.zadd("resque:delayed_queue_schedule", {"7": 7})
    redis.sadd("resque:workers", "web-4:1:mail")
    redis.set("resque:queue:broken", "no list")
    digest = fail(store, "failed")
    token = held(store).token
    urls = [
        OVERVIEW,
        FAILURES,
        *SHOWN,
        *ASKING,
        first_waiting(admin_client),
        first_delayed(admin_client),
    ]
    urls += [failure_url(digest), f"{EDIT}?digest={digest}&near=41", f"{JOB[:-1]}x"]
    urls += [
        f"{KILL}?id={WORKER}&token={token}",
        f"{FAILURES}?class=No&since=1",
        f"{FAILURES}?page=9",
    ]
    urls += [f"{WORKERS}worker/?id=web-4:1:mail", f"{QUEUES}queue/?name=broken"]
    store.pause_all()
    urls += [QUEUES, OVERVIEW]

    found = {url: unmarked(admin_client.get(url).content.decode()) for url in urls}

    assert {url: words for url, words in found.items() if words} == {}


def test_every_message_can_be_translated(
    admin_client: Client, store: Store, redis: Redis, marked_language: None
) -> None:
    fill(store)
    redis.sadd("resque:workers", "ruby:1:mail")
    for _ in range(3):
        fail(store, 1)
    push(store, "deleted", queue="images")
    deleting = {"name": "images", "digest": contents.queue(store, "images").jobs.rows[0].digest}
    forms: list[tuple[str, dict[str, Any]]] = [
        (EDIT, {"digest": newest(store), "near": 0, "arguments": "x"}),
        (EDIT, {"digest": newest(store), "near": 0, "arguments": "7"}),
        (EDIT, {"digest": newest(store), "near": 0, "arguments": "[7]"}),
        (RETRY, {"digest": newest(store), "near": 0}),
        (RETRY, {"digest": "none", "near": 0}),
        (RUN, run_forms(admin_client)[0]),
        (RUN, {"due": "1", "digest": "none"}),
        (KILL, {"id": WORKER, "token": held(store).token}),
        (KILL, {"id": WORKER, "token": "none"}),
        (f"{WORKERS}stop/", {"id": WORKER}),
        (f"{WORKERS}stop/", {"id": "web-9:1:mail"}),
        (f"{WORKERS}pause/", {"id": WORKER, "birth": "1"}),
        (f"{WORKERS}pause/", {"id": WORKER, "birth": "2"}),
        (f"{WORKERS}pause/", {"id": "ruby:1:mail"}),
        (f"{WORKERS}resume/", {"id": WORKER, "birth": "1"}),
        (f"{QUEUES}pause/", {"name": "mail"}),
        (f"{QUEUES}resume/", {"name": "mail"}),
        (f"{QUEUES}resume/", {"name": "mail"}),
        (f"{QUEUES}pause/", {"name": "*"}),
        (f"{QUEUES}resume/", {"name": "*"}),
        (f"{QUEUES}clear/", {"name": "mail", "before": 1}),
        (f"{QUEUES}clear/", {"name": "mail"}),
        (f"{QUEUES}clear/", {"name": "mail"}),
        (f"{QUEUES}restore/", {"name": "mail"}),
        (f"{QUEUES}restore/", {"name": "mail"}),
        (f"{QUEUES}dequeue/", {"name": "mail", "digest": "none"}),
        (f"{QUEUES}dequeue/", deleting),
        (f"{DELAYED}cancel/", {"due": "1", "digest": "none"}),
        (SEVERAL, {"action": "remove", "which": "matching"}),
        (SEVERAL, {"action": "retry", "which": "matching", "text": "no", "confirmed": "1"}),
        (SEVERAL, {"action": "retry"}),
        (SEVERAL, {}),
    ]

    found = [
        (url, form, unmarked(admin_client.post(url, form, follow=True).content.decode()))
        for url, form in forms
    ]

    # Python's decoder tells what is wrong with JSON in its own words.
    assert [each for each in found if each[2] and "Expecting" not in each[2][0]] == []
