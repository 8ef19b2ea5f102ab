"""The admin's pages: who may see and do what, what they show, and that looking only reads."""

import html
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import Client
from django.urls import path, reverse
from pytest_django import Settings
from redis import Redis
from redis.exceptions import NoPermissionError

from django_resque import enqueue, job, monitor
from django_resque.about import About
from django_resque.admin import ENTRIES
from django_resque.failure import Failure
from django_resque.outcome import Outcome
from django_resque.parcels import Parcel
from django_resque.store import Store, Take
from django_resque.wire import Payload, Reservation
from tests.conftest import UserWith

pytestmark = pytest.mark.django_db

OVERVIEW = "/admin/django_resque/overview/"
FAILURES = "/admin/django_resque/failures/"
RETRY = "/admin/django_resque/failures/retry/"
WORKER = "web-1:4711:mail,images"
ID = "0123456789abcdef0123456789abcdef"

#: A second site, beside the default one: see test_the_pages_stay_on_their_own_site.
staff_site = admin.AdminSite(name="staff")
for model, entry in ENTRIES.items():
    staff_site.register(model, entry)
urlpatterns = [path("admin/", admin.site.urls), path("staff/", staff_site.urls)]


@job(name="login")
def login(user: str, password: str, *tokens: str) -> None:
    """Named like secrets are the second argument and all that follow."""


@pytest.fixture(autouse=True)
def _cheap_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def fail(store: Store, *args: Any, name: str = "shop.jobs.Mail", queue: str = "mail") -> str:
    """Leave a failure as a worker does. Answers its digest."""
    payload = Payload.new(name, list(args), ID, 1795218367.5)
    held = Reservation(WORKER, queue, run_at="", token="", head="", payload=payload)
    try:
        raise ValueError("no such order")
    except ValueError as error:
        failed = Failure.of(error, held, 1795218688.0)
    store.redis.rpush(store.keys.failed, failed.encode())
    return newest(store)


def newest(store: Store) -> str:
    return monitor.failures(store).rows[0].digest


def failure_url(digest: str, near: int | str = 0) -> str:
    return f"{FAILURES}{digest}/?near={near}"


def page(client: Client, url: str, status: int = 200) -> str:
    response = client.get(url)
    assert response.status_code == status, response
    return response.content.decode()


def text(client: Client, url: str, status: int = 200) -> str:
    """What a person reads in the page's own part, blanks squeezed."""
    shown = page(client, url, status).partition('id="content-start"')[2].replace("<wbr>", "")
    own = re.sub(r"<[^>]*>", " ", shown)
    return " ".join(html.unescape(own).split())


def said(response: Any) -> list[str]:
    """The messages on the page that a redirect led to."""
    return [str(message) for message in response.context["messages"]]


def register(store: Store, worker_id: str = WORKER) -> None:
    store.register(worker_id, About("machine", 7, "1", 6, "0", "0.1.0"))


def dump(redis: Redis) -> dict[bytes, Any]:
    """Everything that is in Redis."""
    return {key: redis.dump(key) for key in redis.scan_iter()}


# Who may see what.


@pytest.mark.parametrize("permissions", [["view"], ["view", "retry"], None])
def test_viewers_see_every_page(
    user_with: UserWith, admin_client: Client, store: Store, permissions: list[str] | None
) -> None:
    client = admin_client if permissions is None else user_with(*permissions)
    digest = fail(store, 1)

    pages = [page(client, url) for url in (OVERVIEW, FAILURES, failure_url(digest))]

    for found in pages:
        assert f'href="{OVERVIEW}"' in found
        assert f'href="{FAILURES}"' in found


def test_the_index_lists_the_entries_to_viewers(user_with: UserWith) -> None:
    client = user_with("view")

    index = page(client, "/admin/")

    assert re.findall(r'<a href="(/admin/django_resque/[^"]+/)" class="viewlink"', index) == [
        "/admin/django_resque/delayed/",
        FAILURES,
        OVERVIEW,
        "/admin/django_resque/queues/",
        "/admin/django_resque/stats/",
        "/admin/django_resque/workers/",
    ]
    assert "Delayed jobs" in page(client, "/admin/django_resque/")
    assert reverse("admin:django_resque_overview_changelist") == OVERVIEW
    assert reverse("admin:django_resque_failures_changelist") == FAILURES
    assert reverse("admin:django_resque_overview") == OVERVIEW
    assert reverse("admin:django_resque_failures") == FAILURES
    assert reverse("admin:django_resque_failure", args=["d1"]) == f"{FAILURES}d1/"
    assert reverse("admin:django_resque_retry") == RETRY


@pytest.mark.parametrize("permissions", [[], ["retry", "delete", "control"]])
def test_staff_without_permission_sees_nothing(
    user_with: UserWith, store: Store, permissions: list[str]
) -> None:
    client = user_with(*permissions)
    digest = fail(store, 1)

    codes = [client.get(url).status_code for url in (OVERVIEW, FAILURES, failure_url(digest))]

    assert codes == [403, 403, 403]
    assert "django_resque" not in page(client, "/admin/")


def test_the_anonymous_are_sent_to_the_login(client: Client, store: Store) -> None:
    digest = fail(store, 1)

    answers = [client.get(url) for url in (OVERVIEW, FAILURES, failure_url(digest), RETRY)]
    answers.append(client.post(RETRY, {"digest": digest}))

    assert all(answer.status_code == 302 for answer in answers)
    assert all("/admin/login/?next=" in answer["Location"] for answer in answers)
    assert store.redis.llen("resque:failed") == 1


def test_the_permissions_are_these() -> None:
    found = Permission.objects.filter(content_type__app_label="django_resque")

    assert set(found.values_list("codename", flat=True)) == {"view", "retry", "delete", "control"}


@pytest.mark.django_db(databases=["default", "other"])
def test_the_migration_is_complete() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.urls(__name__)
def test_the_pages_stay_on_their_own_site(admin_client: Client, store: Store) -> None:
    digest = fail(store, 1)
    there = "/staff/django_resque/"

    for url in ("overview/", "failures/", f"failures/{digest}/"):
        found = page(admin_client, there + url)
        assert f'href="{there}overview/"' in found
        assert "/admin/" not in found.replace("/static/admin/", "")
    retried = admin_client.post(f"{there}failures/retry/", {"digest": digest, "near": "0"})

    assert retried["Location"] == f"{there}failures/"


# What the pages show.


@pytest.fixture
def safe(redis: Redis) -> Iterator[None]:
    """A Redis that saves snapshots."""
    redis.config_set("save", "3600 1000000")
    yield
    redis.config_set("save", "")


def test_the_overview_shows_queues_and_workers(
    admin_client: Client, store: Store, safe: None
) -> None:
    register(store)
    register(store, "web-2:1:images")
    for _ in range(3):
        asked = time.time() - 300
        store.push([Parcel("images", Payload.new("Thumb", [], ID, asked), track=False)])
        store.redis.delete(store.keys.pushed(ID))
    store.reserve(Take.new(WORKER, ["images"]))
    store.redis.set("resque:stat:processed", 41)
    fail(store, 1)

    found = text(admin_client, OVERVIEW)

    assert (
        "Waiting 2 Running 1 Failures 1 Failed in 24 hours 0 Delayed 0 Workers 2 "
        "Processed so far 41 Failed so far 0" in found
    )
    assert "images 2 5.0 min 2" in found
    assert re.search(rf"{WORKER} performing Thumb from images, {ID} , \d seconds? ago 0 0", found)
    assert "web-2:1:images waiting 0 0" in found
    assert "No problems" in found


def test_the_overview_says_what_is_wrong(admin_client: Client, store: Store) -> None:
    register(store)
    store.redis.hset(store.keys.leases, WORKER, str(int((time.time() - 47.2) * 1000)))
    store.push([Parcel("mial", Payload.new("Thumb", [], ID, 1.0))])

    found = text(admin_client, OVERVIEW)

    assert f"Critical: Worker {WORKER} has been silent for 4" in found
    assert "Warning: mial: 1 waiting, and no worker listens to it" in found
    assert f"{WORKER} silent for 47 s" in found
    assert "Workers 0 of 1" in found


def test_empty_tables_say_so(admin_client: Client) -> None:
    assert "No queues yet" in text(admin_client, OVERVIEW)
    assert "No workers" in text(admin_client, OVERVIEW)
    assert "No failures." in text(admin_client, FAILURES)


def test_failures_are_listed_newest_first(admin_client: Client, store: Store) -> None:
    fail(store, 1, "first")
    digest = fail(store, 2, "second")

    found = page(admin_client, FAILURES)
    read = text(admin_client, FAILURES)

    assert f'href="{FAILURES}{digest}/?near=1"' in found
    assert '<time datetime="2026-11-20T23:51:28+00:00"' in found
    assert read.index('shop.jobs.Mail 2, "second" ValueError no such order') < read.index('"first"')
    assert f"mail {WORKER} Retry" in read
    assert read.endswith("Page 1 of 1 2 failures")


def test_one_failure_is_shown_traceback_first(admin_client: Client, store: Store) -> None:
    digest = fail(store, {"order": 12345678901234567890})

    found = text(admin_client, failure_url(digest))

    order = ["Traceback (most recent call last)", '"order": 12345678901234567890', f"Id {ID}"]
    assert [found.index(part) for part in order] == sorted(found.index(part) for part in order)
    assert 'raise ValueError("no such order")' in found
    assert f"Queue mail Worker {WORKER} (Python) Enqueued Nov. 21, 2026" in found
    assert "ValueError : no such order" in found
    assert '"queue_time": 1795218367.5' in found


def test_secrets_are_masked_by_their_field_and_by_their_parameter(
    admin_client: Client, store: Store
) -> None:
    by_field = fail(store, {"order": 1, "deep": [{"api_key": "SECRET1"}]})
    by_parameter = fail(store, "ann", "SECRET2", "SECRET3", "SECRET4", name="login")

    pages = [
        page(admin_client, url) for url in (FAILURES, *map(failure_url, (by_field, by_parameter)))
    ]

    for found in pages:
        assert "SECRET" not in found
    assert "&quot;ann&quot;" in pages[0]
    assert pages[2].count("*" * 20) == 2 * 3


def test_failures_come_in_pages(admin_client: Client, store: Store) -> None:
    for number in range(30):
        fail(store, f"number{number}")

    first, second = text(admin_client, FAILURES), text(admin_client, f"{FAILURES}?page=2")

    assert re.findall(r"number\d+", first) == [f"number{n}" for n in range(29, 4, -1)]
    assert re.findall(r"number\d+", second) == [f"number{n}" for n in range(4, -1, -1)]
    assert first.endswith("Page 1 of 2 Older 30 failures")
    assert second.endswith("Newest Newer Page 2 of 2 30 failures")


def test_past_the_last_page_is_an_empty_table(admin_client: Client, store: Store) -> None:
    fail(store, 1)

    found = text(admin_client, f"{FAILURES}?page=7")

    assert "No failures on this page" in found
    assert found.endswith("Newest 1 failure")


@pytest.mark.parametrize(
    "odd", ["x", "", "0", "-1", "1.5", "9" * 30, "9" * 5000, "٣x", "%00", "1&page"]
)
def test_an_odd_page_is_page_one(admin_client: Client, store: Store, odd: str) -> None:
    fail(store, 1)

    assert "Page 1 of 1" in text(admin_client, f"{FAILURES}?page={odd}")


@pytest.mark.parametrize("near", ["x", "", "-5000", "9" * 30, "0.5", "99999999"])
def test_a_failure_is_found_with_an_odd_position(
    admin_client: Client, store: Store, near: str
) -> None:
    digest = fail(store, 1)

    assert "no such order" in text(admin_client, failure_url(digest, near))


@pytest.mark.parametrize("everywhere", [True, False])
def test_counts_have_separators_and_positions_in_links_have_none(
    admin_client: Client, store: Store, settings: Settings, everywhere: bool
) -> None:
    settings.USE_THOUSAND_SEPARATOR = everywhere
    store.redis.rpush("resque:failed", *['{"payload":{"class":"Old"},"queue":"q"}'] * 1499)
    fail(store, 1)

    found = page(admin_client, FAILURES)

    assert "?near=1499" in found
    assert 'name="near" value="1499"' in found
    assert "1,500 failures" in found


def test_counts_are_written_as_the_language_has_it(
    admin_client: Client, redis: Redis, settings: Settings
) -> None:
    settings.LANGUAGE_CODE = "de"
    redis.set("resque:stat:processed", 1234567)

    assert "1.234.567" in text(admin_client, OVERVIEW)


@pytest.mark.parametrize("digest", ["0" * 40, "no-digest"])
def test_an_unknown_failure_leads_to_the_list(admin_client: Client, digest: str) -> None:
    looked = admin_client.get(failure_url(digest), follow=True)
    retried = admin_client.post(RETRY, {"digest": digest}, follow=True)

    for response in (looked, retried):
        assert response.redirect_chain == [(FAILURES, 302)]
        assert said(response) == [
            "This failure is not in the list any more: it was retried or removed meanwhile."
        ]


# What does not fit.


def marked(name: str) -> str:
    return f"<i>{name}</i>\"'&amp;"


def test_markup_in_every_field_comes_out_escaped(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    payload = {"class": marked("class"), "args": [{marked("name"): marked("arg")}]}
    payload |= {"id": marked("id"), marked("field"): marked("value")}
    fields = {
        "failed_at": marked("failed_at"),
        "payload": payload,
        "exception": marked("exception"),
        "error": marked("error"),
        "backtrace": [marked("backtrace")],
        "worker": marked("worker"),
        "queue": marked("queue"),
    }
    redis.rpush("resque:failed", json.dumps(fields))
    redis.sadd("resque:queues", marked("queue"))
    redis.rpush(f"resque:queue:{marked('queue')}", "{}")
    worker = f"{marked('host')}:1:{marked('listens')}"
    redis.sadd("resque:workers", worker)
    record = {"queue": marked("taken"), "run_at": marked("run_at"), "payload": payload}
    redis.set(f"resque:worker:{worker}", json.dumps(record))

    overview, failures = page(admin_client, OVERVIEW), page(admin_client, FAILURES)
    failure = page(admin_client, failure_url(newest(store)))
    retried = admin_client.post(RETRY, {"digest": newest(store)}, follow=True).content.decode()

    for found, names in (
        (overview, "queue host listens taken class id"),
        (failures, "class name exception error failed_at worker queue"),
        (failure, "class name arg id field value exception error backtrace worker queue failed_at"),
        (retried, "class queue"),
        (page(admin_client, "/admin/"), "class"),
    ):
        assert "<i>" not in found
        for name in names.split():
            assert f"&lt;i&gt;{name}&lt;/i&gt;" in found, name


BROKEN = {
    "text": b"not JSON",
    "empty": b"",
    "not text": b"\xff\xfe\x00",
    "list": b"[1, 2]",
    "number": b"7",
    "empty object": b"{}",
    "nothing in it": b'{"payload":null,"queue":"q"}',
    "payload is text": b'{"payload":"{}","queue":"q"}',
    "payload is a list": b'{"payload":[{"password":"SECRET"}],"queue":"q"}',
    "no class": b'{"payload":{"args":[{"password":"SECRET"}]},"queue":"q"}',
    "arguments are an object": b'{"payload":{"class":"X","args":{"token":"SECRET"}},"queue":"q"}',
    "cut off": b'{"payload":{"class":"X","args":[{"password":"SECRET"}',
    "a payload cut off": rb'{"payload":{"class":"X","args":["[{\"token\":\"SECRET"],'
    b'"unreadable":true},"queue":"q"}',
    "bytes that are no text": b'{"payload":{"class":"X\xff","args":["\xff"]},"error":"\xff"}',
    "half characters": rb'{"payload":{"class":"\ud800","args":["\udfff"]},"error":"\ud83d"}',
    "deep": b'{"payload":{"class":"X","args":' + b"[" * 400 + b"]" * 400 + b'},"queue":"q"}',
    "deeper": b'{"payload":{"class":"X","args":' + b"[" * 9000 + b"]" * 9000 + b'},"queue":"q"}',
    "fields of the wrong type": b'{"failed_at":[1],"payload":{"class":[1],"args":7,"id":{"a":1}},'
    b'"exception":{"a":1},"error":[null],"backtrace":"one line","worker":7,"queue":[3]}',
    "first year": b'{"failed_at":"0001-01-01T00:00:00+1400","payload":{"class":"X"},"queue":"q"}',
    "last year": b'{"failed_at":"9999-12-31T23:59:59-1200","payload":{"class":"X"},"queue":"q"}',
    "no year": b'{"failed_at":"1e300","payload":{"class":"X"},"queue":"q"}',
    "node": b'{"worker":"h:1","queue":"q","payload":{"class":"X","queue":"q","args":[7]},'
    b'"exception":"TypeError","error":"boom","backtrace":null,"failed_at":"Fri Nov 20 2026 '
    b'23:37:24 GMT+0000 (Coordinated Universal Time)"}',
    "php": b'{"failed_at":"Fri Nov 20 23:37:24 UTC 2026","payload":{"class":"X","args":[{"n":7}],'
    b'"id":"1"},"exception":"Exception","error":"b\\/m","backtrace":["#0 {main}"],"worker":"h:1:q",'
    b'"queue":"q","retried_at":"2026"}',
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_failure_is_shown_among_the_others(
    admin_client: Client, store: Store, redis: Redis, raw: bytes
) -> None:
    fail(store, "before")
    redis.rpush("resque:failed", raw)
    fail(store, "after")

    listed = page(admin_client, FAILURES)
    links = re.findall(rf'href="({FAILURES}\w+/\?near=\d+)"', listed)
    shown = [page(admin_client, html.unescape(link)) for link in links]

    assert len(shown) == (3 if raw else 2)
    assert all("&quot;before&quot;" in listed and "&quot;after&quot;" in listed for _ in links)
    assert "SECRET" not in "".join([listed, *shown])


def test_a_broken_failure_is_shown_with_what_can_be_read(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    redis.rpush("resque:failed", BROKEN["text"])

    assert "(unreadable)" in text(admin_client, FAILURES)
    assert "not JSON" in text(admin_client, failure_url(newest(store)))


def test_a_failure_without_queue_has_no_retry_button(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    redis.rpush("resque:failed", BROKEN["text"])

    assert "<button" not in retry_forms(page(admin_client, FAILURES))
    assert "No queue is known" in text(admin_client, failure_url(newest(store)))


def test_names_that_are_no_text_are_shown(admin_client: Client, redis: Redis) -> None:
    redis.sadd("resque:queues", b"mail\xff")
    redis.rpush(b"resque:queue:mail\xff", "{}")
    redis.sadd("resque:workers", b"host\xff:1:mail\xff")

    found = text(admin_client, OVERVIEW)

    assert "mail\ufffd 1 \N{EN DASH} 1" in found
    assert "host\ufffd:1:mail\ufffd waiting" in found


def test_broken_queues_and_workers_are_shown(admin_client: Client, redis: Redis) -> None:
    redis.sadd("resque:queues", "wrong")
    redis.set("resque:queue:wrong", "no list")
    redis.sadd("resque:workers", "lonely", "", "a:b:c:d")
    redis.set("resque:worker:lonely", b"\xff no JSON")
    redis.set(
        "resque:worker:a:b:c:d", '{"payload":{"class":"X"},"run_at":"0001-01-01T00:00:00+1400"}'
    )
    redis.hset("resque:workers:lease", "lonely", "soon")
    redis.set("resque:stat:processed", "many")

    found = text(admin_client, OVERVIEW)

    assert "wrong 0 0" in found
    assert "lonely silent" in found


# Redis away, and settings that cannot be used.


@pytest.mark.parametrize("url", [OVERVIEW, FAILURES, f"{FAILURES}1/"])
def test_redis_away_is_a_page_that_says_so(
    user_with: UserWith, settings: Settings, url: str
) -> None:
    client = user_with("view")
    settings.RESQUE = {"URL": "redis://someone:hunter2@localhost:1/3"}

    found = text(client, url, status=503)

    assert "Redis at redis://localhost:1/3 cannot be asked: Error" in found
    assert "hunter2" not in found


def test_redis_refusing_is_a_page_that_says_so(
    admin_client: Client, settings: Settings, redis_url: str
) -> None:
    settings.RESQUE = {"URL": redis_url.replace("unix://", "unix://nobody:hunter2@")}

    found = text(admin_client, OVERVIEW, status=503)

    assert f"Redis at {redis_url}?db=0 cannot be asked" in found
    assert "hunter2" not in found


def test_useless_settings_are_a_page_that_says_so(admin_client: Client, settings: Settings) -> None:
    settings.RESQUE = {"INTERVAL": -1}

    assert "RESQUE['INTERVAL'] must be a number" in text(admin_client, FAILURES, status=503)


def test_without_permission_nobody_learns_where_redis_is(
    user_with: UserWith, settings: Settings
) -> None:
    settings.RESQUE = {"URL": "redis://localhost:1/3"}

    assert "localhost" not in page(user_with(), OVERVIEW, status=403)


# Looking never writes.


def test_looking_needs_no_right_but_to_read(
    admin_client: Client, redis: Redis, as_reader: None, redis_url: str
) -> None:
    full = Store(Redis.from_url(redis_url, decode_responses=True))
    register(full)
    digest = fail(full, 1)
    before = dump(redis)

    read = [text(admin_client, url) for url in (OVERVIEW, FAILURES, failure_url(digest))]

    assert f"{WORKER} waiting" in read[0]
    assert all("no such order" in found for found in read[1:])
    assert dump(redis) == before
    full.redis.close()


def test_a_reader_cannot_write_and_is_told_so(
    admin_client: Client, redis: Redis, as_reader: None, redis_url: str
) -> None:
    full = Store(Redis.from_url(redis_url, decode_responses=True))
    digest = fail(full, 1)
    reader = Redis.from_url(redis_url.replace("unix://", "unix://reader:word@"))

    with pytest.raises(NoPermissionError):
        reader.set("anything", 1)
    response = admin_client.post(RETRY, {"digest": digest})

    assert response.status_code == 503
    assert "may not do this" in response.content.decode()
    assert redis.llen("resque:failed") == 1
    assert not LogEntry.objects.exists()
    reader.close()
    full.redis.close()


def test_a_page_costs_at_most_five_round_trips(
    admin_client: Client, store: Store, round_trips: list[int]
) -> None:
    for number in range(60):
        register(store, f"host:{number}:mail")
        store.push([Parcel(f"queue{number}", Payload.new("X", [], f"{number:032}", 1.0))])
        digest = fail(store, number)

    for url in (OVERVIEW, FAILURES, failure_url(digest, 59)):
        round_trips.clear()
        page(admin_client, url)
        assert 1 <= len(round_trips) <= 5


# Retrying.


def retry_forms(found: str) -> str:
    """The forms that retry, of a page; "" if it has none."""
    return "".join(re.findall(rf'<form[^>]* action="{RETRY}".*?</form>', found, re.DOTALL))


def test_a_failure_is_retried_once(admin_client: Client, store: Store, redis: Redis) -> None:
    digest = fail(store, 35)
    original = monitor.failures(store).rows[0].failure.payload

    first = admin_client.post(RETRY, {"digest": digest, "near": "0"}, follow=True)
    second = admin_client.post(RETRY, {"digest": digest, "near": "0"}, follow=True)

    assert first.redirect_chain == second.redirect_chain == [(FAILURES, 302)]
    assert said(first) == ["The job shop.jobs.Mail was put back into the queue mail."]
    assert said(second)[0].startswith("This failure is not in the list any more")
    assert redis.lrange("resque:queue:mail", 0, -1) == [original.encode()]
    assert redis.llen("resque:failed") == 0


def test_a_retry_leaves_a_log_entry(admin_client: Client, store: Store) -> None:
    digest = fail(store, 35)

    for _ in range(2):
        admin_client.post(RETRY, {"digest": digest, "near": "0"})

    log = LogEntry.objects.get()
    assert log.user.username == "admin"
    assert log.is_change()
    assert log.object_id == digest
    assert log.object_repr == f"shop.jobs.Mail {ID}"
    assert log.get_change_message() == ("The job shop.jobs.Mail was put back into the queue mail.")
    assert "shop.jobs.Mail" in page(admin_client, "/admin/")


def test_after_a_retry_one_stands_where_one_stood(admin_client: Client, store: Store) -> None:
    digest = fail(store, 1)

    response = admin_client.post(RETRY, {"digest": digest, "near": "0", "page": "3"})

    assert response["Location"] == f"{FAILURES}?page=3"


def test_retrying_finds_a_failure_that_has_moved(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    digest = fail(store, "this")
    fail(store, "another")
    redis.lpush("resque:failed", "{}", "{}")

    admin_client.post(RETRY, {"digest": digest, "near": "0"})

    assert '"this"' in store.redis.lindex("resque:queue:mail", 0)  # type: ignore[operator]
    assert redis.llen("resque:queue:mail") == 1


def test_retrying_needs_a_post(admin_client: Client, store: Store, redis: Redis) -> None:
    digest = fail(store, 1)

    response = admin_client.get(RETRY, {"digest": digest, "near": "0"})

    assert response.status_code == 405
    assert redis.llen("resque:failed") == 1


def test_retrying_needs_the_permission(user_with: UserWith, store: Store, redis: Redis) -> None:
    client, digest = user_with("view", "delete", "control"), fail(store, 1)

    response = client.post(RETRY, {"digest": digest, "near": "0"})

    assert response.status_code == 403
    assert redis.llen("resque:failed") == 1
    assert not LogEntry.objects.exists()


def test_the_button_is_there_for_those_who_may(user_with: UserWith, store: Store) -> None:
    digest = fail(store, 1)
    viewer, retrier = user_with("view"), user_with("view", "retry")

    for url in (FAILURES, failure_url(digest)):
        assert retry_forms(page(viewer, url)) == ""
        assert retry_forms(page(retrier, url)).count("<button") == 1


def test_retrying_needs_the_token_that_the_form_carries(
    user_with: UserWith, store: Store, redis: Redis
) -> None:
    client, digest = user_with("view", "retry", enforce_csrf_checks=True), fail(store, 1)

    for url in (FAILURES, failure_url(digest)):
        form = retry_forms(page(client, url))
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        bare = client.post(RETRY, {"digest": fields["digest"], "near": fields["near"]})
        assert bare.status_code == 403
        assert redis.llen("resque:failed") == 1
    response = client.post(RETRY, fields)

    assert response.status_code == 302
    assert redis.llen("resque:failed") == 0


def test_a_retried_job_is_the_one_that_was_enqueued(
    admin_client: Client,
    store: Store,
    redis: Redis,
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        handle = enqueue(login, "ann", "SECRET")
    register(store, "host:1:default")
    held = store.reserve(Take.new("host:1:default", ["default"]))
    assert isinstance(held, Reservation)
    store.settle(held, Outcome(Failure.of(ValueError("x"), held, time.time())))

    admin_client.post(RETRY, {"digest": newest(store)})

    assert redis.lrange("resque:queue:default", 0, -1) == [held.payload.raw.encode()]
    assert handle.status == "waiting"


# Markup.


def test_the_markup_keeps_to_the_rules(admin_client: Client, store: Store) -> None:
    register(store)
    digest = fail(store, 1)

    for url in (OVERVIEW, FAILURES, failure_url(digest)):
        found = page(admin_client, url)
        own = found.partition('id="content-main"')[2].partition("<footer")[0]
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", found)
        assert all("aria-label" in table for table in re.findall(r"<table[^>]*>", own))
        assert all("scope=" in head for head in re.findall(r"<th\b[^>]*>", own))
        assert 'href="/static/django_resque/resque.css"' in found


def test_the_stylesheet_carries_the_policys_nonce(admin_client: Client) -> None:
    response = admin_client.get(OVERVIEW)

    link = re.search(r"<link[^>]*resque\.css[^>]*>", response.content.decode())
    policy = re.search(r"'nonce-([^']+)'", response.get("Content-Security-Policy", ""))

    assert link
    if policy:
        assert f'nonce="{policy[1]}"' in link[0]
    else:
        assert "nonce" not in link[0]
