"""The admin's actions on one job: edit and retry, run now, kill. And what cannot be done."""

import html
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django import Settings
from redis import Redis

from django_resque import job, monitor
from django_resque.masking import MASK
from django_resque.store import Store, Take
from django_resque.wire import Payload, Reservation
from tests.conftest import UserWith
from tests.test_admin import (
    FAILURES,
    ID,
    OVERVIEW,
    RETRY,
    WORKER,
    dump,
    fail,
    failure_url,
    login,
    marked,
    newest,
    page,
    register,
    said,
    text,
)
from tests.test_admin_pages import (
    ASKING,
    DELAYED,
    ONE_WORKER,
    QUEUES,
    SHOWN,
    WORKERS,
    fields_of,
    fill,
    push,
)

__all__ = ["login"]  # A job, registered by its definition.

pytestmark = pytest.mark.django_db

EDIT = f"{FAILURES}edit/"
KILL = f"{WORKERS}kill/"
RUN = f"{DELAYED}run/"
JOB = f"/admin/django_resque/overview/job/?id={ID}"


@job(name="by_name", args_style="kwargs")
def by_name(size: int) -> None:
    pass


def edited(client: Client, digest: str, arguments: str) -> Any:
    given = {"digest": digest, "near": "0", "arguments": arguments, "then": "job"}
    return client.post(EDIT, given, follow=True)


def waiting(redis: Redis, queue: str = "mail") -> list[Any]:
    return [json.loads(raw) for raw in redis.lrange(f"resque:queue:{queue}", 0, -1)]


def textarea(found: str) -> str:
    match = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", found, re.DOTALL)
    assert match
    return html.unescape(match[1])


# Edit the arguments of a failure and retry it.


def test_who_may_not_look_sees_no_arguments_in_the_form(user_with: UserWith, store: Store) -> None:
    given = {"digest": fail(store, 35), "near": "0"}

    codes = [
        user_with(*permissions).get(EDIT, given).status_code
        for permissions in (("retry",), ("view",), ("view", "retry"))
    ]

    assert codes == [403, 403, 200]


def test_an_address_cannot_fill_the_form_with_other_arguments(
    admin_client: Client, store: Store
) -> None:
    digest = fail(store, 35)

    found = admin_client.get(EDIT, {"digest": digest, "near": "0", "arguments": "[666]"})

    assert json.loads(textarea(found.content.decode())) == [35]


def test_a_failure_is_retried_once_with_other_arguments(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    digest = fail(store, 35)

    first = edited(admin_client, digest, '[36, "é", 12345678901234567890]')
    second = edited(admin_client, digest, "[37]")

    assert first.redirect_chain == [(JOB, 302)]
    assert said(first) == [
        "The job shop.jobs.Mail was put back into the queue mail with edited arguments."
    ]
    assert said(second)[0].startswith("This failure is not in the list any more")
    assert waiting(redis) == [
        {
            "class": "shop.jobs.Mail",
            "args": [36, "é", 12345678901234567890],
            "id": ID,
            "prefix": "",
            "queue_time": 1795218367.5,
        }
    ]
    assert redis.llen("resque:failed") == 0
    assert "edited" in LogEntry.objects.get().get_change_message()
    assert "é" not in LogEntry.objects.get().get_change_message()


def test_the_form_holds_the_arguments(admin_client: Client, store: Store) -> None:
    digest = fail(store, {"order": 12345678901234567890}, "</textarea><i>")
    link = re.search(rf'href="({EDIT}[^"]+)"', page(admin_client, failure_url(digest)))
    assert link

    found = page(admin_client, html.unescape(link[1]))

    assert json.loads(textarea(found)) == [{"order": 12345678901234567890}, "</textarea><i>"]
    assert "<i>" not in found


def test_foreign_fields_stay_as_their_bytes_are(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    payload = '{"class": "Odd","args":{"a":1}, "x": 1.50, "id":"7"}'
    redis.rpush("resque:failed", f'{{"payload":{payload},"queue":"mail"}}')

    edited(admin_client, newest(store), '[{"a":2}]')

    (raw,) = redis.lrange("resque:queue:mail", 0, -1)
    assert raw == b'{"class":"Odd","args":[{"a":2}],"x":1.50,"id":"7"}'


def test_a_mask_that_is_left_keeps_the_value_behind_it(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    digest = fail(store, "ada", "SECRET", {"deep": [{"token": ["SECRET"], "n": 1}]}, name="login")
    before = textarea(page(admin_client, f"{EDIT}?digest={digest}&near=0"))
    assert "SECRET" not in before

    edited(admin_client, digest, before.replace('"ada"', '"eve"'))

    assert waiting(redis)[0]["args"] == ["eve", "SECRET", {"deep": [{"token": ["SECRET"], "n": 1}]}]


def test_a_mask_in_a_list_that_got_shorter_stands_for_nobody_knows_which(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    digest = fail(store, [{"token": "first"}, {"token": "second"}])

    told = edited(admin_client, digest, f'[[{{"token": "{MASK}"}}]]')

    assert "longer or shorter than before" in told.content.decode()
    assert waiting(redis) == []


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("X", "[1", "This is not JSON: Expecting"),
        ("X", "", "This is not JSON: Expecting value"),
        ("X", f"[{'7' * 5000}]", "This is not JSON: Exceeds the limit"),
        ("X", "[" * 100_000, "nested deeper than 98 levels"),
        ("X", "[" * 900 + "]" * 900, "nested deeper than 98 levels"),
        ("X", "[" * 3000 + "]" * 3000, "nested deeper than 98 levels"),
        ("X", '{"a": 1}', "The arguments are a list: put [ before them"),
        ("X", "[NaN]", "args[0]: nan is not JSON"),
        ("X", '["\\ud800"]', "a lone surrogate"),
        ("X", "[" * 200 + "]" * 200, "nested deeper than 98 levels"),
        ("X", f'["{MASK}"]', "stands where none was"),
        ("login", '["ada"]', "cannot be called so: missing a required argument: 'password'"),
        ("by_name", '[{"sizes": 1}]', "cannot be called so: missing a required argument: 'size'"),
    ],
)
def test_what_cannot_be_performed_is_told_and_nothing_happens(
    admin_client: Client, store: Store, redis: Redis, name: str, arguments: str, sentence: str
) -> None:
    digest = fail(store, 1, name=name)
    before = dump(redis)

    response = edited(admin_client, digest, arguments)

    found = response.content.decode()
    assert response.status_code == 200
    assert sentence in html.unescape(found)
    assert 'role="alert"' in found
    assert arguments in textarea(found)
    assert dump(redis) == before


@pytest.mark.parametrize(
    "raw",
    [
        '{"payload":"no object","queue":"mail"}',
        '{"payload":{"class":"X","args":[1]}}',
        '{"payload":{"args":[1]},"queue":"mail"}',
        "\udcff",
    ],
)
def test_what_cannot_be_read_cannot_be_edited(
    admin_client: Client, store: Store, redis: Redis, raw: str
) -> None:
    redis.rpush("resque:failed", raw.encode("utf-8", "surrogateescape"))
    before = dump(redis)

    response = edited(admin_client, newest(store), "[1]")

    assert "it can be retried as it is only" in said(response)[0]
    assert EDIT not in page(admin_client, failure_url(newest(store)))
    assert dump(redis) == before


def test_a_deep_failure_is_edited_in_place(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    old = '{"payload":{"class":"Old"},"queue":"q"}'
    redis.rpush("resque:failed", *[old] * 10_500)
    digest = fail(store, "deep")
    redis.rpush("resque:failed", *[old] * 10_500)

    given = {"digest": digest, "near": "10400", "arguments": '["up"]'}
    response = admin_client.post(EDIT, given, follow=True)

    assert said(response)[0].startswith("The job shop.jobs.Mail was put back")
    assert redis.llen("resque:failed") == 21_000
    assert waiting(redis)[0]["args"] == ["up"]


def test_more_words_are_masked_where_the_setting_says_so(
    admin_client: Client, store: Store, settings: Settings
) -> None:
    settings.RESQUE = {**settings.RESQUE, "MASK": ["salary", "(odd"]}
    digest = fail(store, {"Monthly-Salary": 7001, "(odd": 7002, "password": 7003, "size": 7004})

    found = page(admin_client, failure_url(digest))

    assert [n for n in range(7001, 7005) if str(n) in found] == [7004]


# Retried from its own page, a job is looked at next.


def test_a_failure_retried_on_its_own_page_leads_to_the_job(
    admin_client: Client, store: Store
) -> None:
    form = page(admin_client, failure_url(fail(store, 1))).partition(f'action="{RETRY}"')[2]
    given = dict(re.findall(r'name="(near|then|digest)" value="([^"]*)"', form))

    response = admin_client.post(RETRY, given, follow=True)

    assert response.redirect_chain == [(JOB, 302)]
    assert "Waits in a queue" in response.content.decode()


# Run a delayed job now.


def run_forms(client: Client) -> list[dict[str, str]]:
    forms = re.findall(rf'action="{RUN}">(.*?)</form>', page(client, DELAYED), re.DOTALL)
    return [dict(re.findall(r'name="(due|digest)" value="([^"]*)"', form)) for form in forms]


def test_a_delayed_job_is_run_now_once(admin_client: Client, store: Store, redis: Redis) -> None:
    due = int(time.time()) + 3600
    push(store, "this", due=due)
    push(store, "other", due=due)
    form, _ = run_forms(admin_client)

    answers = [admin_client.post(RUN, form, follow=True) for _ in range(2)]

    assert said(answers[0]) == ["The delayed job login went to the queue mail now."]
    assert said(answers[1])[0].startswith("This job is not delayed any more")
    assert [each["args"] for each in waiting(redis)] == [["this"]]
    assert [b"other" in raw for raw in redis.lrange(f"resque:delayed:{due}", 0, -1)] == [True]
    assert redis.smembers("resque:queues") == {b"mail"}
    assert LogEntry.objects.get().object_repr == f"login {ID}"


def test_the_last_delayed_job_leaves_nothing_behind(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    push(store, 1, due=int(time.time()) + 3600)

    admin_client.post(RUN, run_forms(admin_client)[0])

    assert sorted(redis.keys()) == [
        f"resque:job:{ID}:status".encode(),
        b"resque:queue:mail",
        b"resque:queues",
    ]
    status = monitor.status(store, ID)
    assert status
    assert status.name == "waiting"


@pytest.mark.parametrize("item", ['{"class":"X","args":[]}', '{"class":"X","queue":"mail"}'])
def test_what_no_queue_takes_stays_delayed(
    admin_client: Client, store: Store, redis: Redis, item: str
) -> None:
    redis.zadd("resque:delayed_queue_schedule", {"7": 7})
    redis.rpush("resque:delayed:7", item)
    redis.set("resque:queue:mail", "no list")
    before = dump(redis)

    response = admin_client.post(RUN, run_forms(admin_client)[0], follow=True)

    assert "cannot go to its queue" in said(response)[0]
    assert dump(redis) == before


# Kill a running job.


def held(store: Store) -> Reservation:
    found = store.in_hand(WORKER)
    assert found
    return found


def test_a_running_job_is_ordered_to_be_killed(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    fill(store)
    token = held(store).token
    link = re.search(rf'href="({KILL}[^"]+)"', page(admin_client, ONE_WORKER))
    assert link

    asking = page(admin_client, html.unescape(link[1]))
    nothing_yet = redis.exists("resque:workers:orders")
    response = admin_client.post(KILL, fields_of(asking), follow=True)

    assert "login and all processes it has started are killed" in asking
    assert not nothing_yet
    assert said(response) == [f"Ordered the job login of the worker {WORKER} to be killed."]
    assert redis.hget("resque:workers:orders", WORKER) == f"1 kill:{token}".encode()
    assert LogEntry.objects.get().object_repr == f"login {ID}"


def test_the_next_job_is_not_killed(admin_client: Client, store: Store, redis: Redis) -> None:
    """The page that asked was about another one."""
    fill(store)
    form = {"id": WORKER, "token": held(store).token}
    store.put_back(held(store))
    store.reserve(Take.new(WORKER, ["mail"]))

    asked = admin_client.get(KILL, form, follow=True)
    response = admin_client.post(KILL, form, follow=True)

    for each in (asked, response):
        assert said(each) == [
            f"That job is not in the hands of {WORKER} any more: nothing was killed."
        ]
    assert not redis.exists("resque:workers:orders")
    assert not LogEntry.objects.exists()


def test_an_idle_or_a_foreign_worker_has_nothing_to_kill(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    register(store)
    redis.sadd("resque:workers", "ruby:1:mail")
    record = {"queue": "mail", "run_at": "", "payload": {"class": "X", "args": []}}
    redis.set("resque:worker:ruby:1:mail", json.dumps(record))

    for worker_id in (WORKER, "ruby:1:mail"):
        assert KILL not in page(admin_client, f"{WORKERS}worker/?id={worker_id}")
        response = admin_client.post(KILL, {"id": worker_id, "token": ""}, follow=True)
        assert "nothing was killed" in said(response)[0]
    assert not redis.exists("resque:workers:orders")


# What they show, and what that costs.


def test_asking_never_writes_and_costs_at_most_five_round_trips(
    admin_client: Client, store: Store, redis: Redis, request: pytest.FixtureRequest
) -> None:
    fill(store)
    urls = [f"{EDIT}?digest={newest(store)}", f"{KILL}?id={WORKER}&token={held(store).token}"]
    before = dump(redis)
    request.getfixturevalue("as_reader")
    sent: list[int] = request.getfixturevalue("round_trips")

    for url in urls:
        page(admin_client, url)  # Connects.
        sent.clear()
        page(admin_client, url)
        assert 1 <= len(sent) <= 5, url

    assert dump(redis) == before


def test_markup_comes_out_escaped(admin_client: Client, store: Store, redis: Redis) -> None:
    payload = {"class": marked("class"), "args": [{marked("name"): marked("arg")}]}
    worker, queue = f"{marked('host')}:1:{marked('listens')}", marked("queue")
    record: dict[str, Any] = {"queue": queue, "run_at": "", "worker": "w"}
    record |= {"token": "<i>token</i>", "payload": {**payload, "id": marked("id")}}
    redis.sadd("resque:workers", worker)
    redis.hset("resque:workers:lease", worker, "1")
    redis.set(f"resque:worker:{worker}", json.dumps(record, separators=(",", ":")))
    fields = {"payload": payload, "queue": queue, "backtrace": [marked("frame")]}
    redis.rpush("resque:failed", json.dumps(fields))
    digest = newest(store)

    def get(url: str, **query: str) -> str:
        return admin_client.get(url, query).content.decode()

    for found, names in (
        (get(KILL, id=worker, token="<i>token</i>"), "class host listens token"),
        (get(ONE_WORKER.partition("?")[0], id=worker), "class host listens name arg"),
        (get(EDIT, digest=digest), "class queue name arg"),
        (get(failure_url(digest)), "class queue name arg frame"),
        (edited(admin_client, digest, f"[{marked('typed')}").content.decode(), "typed"),
        (edited(admin_client, digest, "[]").content.decode(), "class queue"),
    ):
        assert "<i>" not in found
        for name in names.split():
            assert f"&lt;i&gt;{name}&lt;/i&gt;" in found, name


# Who may.


@pytest.mark.parametrize(
    ("url", "permission"), [(EDIT, "retry"), (RUN, "control"), (KILL, "control")]
)
def test_an_action_on_one_job_needs_its_permission_and_the_token(
    user_with: UserWith, store: Store, redis: Redis, url: str, permission: str
) -> None:
    fill(store)
    forms: dict[str, Any] = {
        EDIT: {"digest": newest(store), "near": 0, "arguments": "[1]"},
        RUN: run_forms(user_with("view", "control"))[0],
        KILL: {"id": WORKER, "token": held(store).token},
    }
    others = {"view", "retry", "delete", "control"} - {permission}
    before = dump(redis)

    refused = user_with(*others).post(url, forms[url])
    bare = user_with("view", permission, enforce_csrf_checks=True).post(url, forms[url])

    assert (refused.status_code, bare.status_code) == (403, 403)
    assert dump(redis) == before
    allowed = user_with("view", permission).post(url, forms[url])
    assert allowed.status_code == 302
    assert dump(redis) != before


def test_running_now_needs_a_post(admin_client: Client) -> None:
    assert admin_client.get(RUN).status_code == 405


# What should not be in Redis.


@pytest.mark.parametrize(
    "key",
    [
        "queues", "workers", "workers:lease", "workers:about", "workers:orders", "queues:paused",
        "pause-all-workers", "delayed_queue_schedule", "failed", "stat:processed", "stat:failed",
        f"worker:{WORKER}", f"worker:{WORKER}:started", f"job:{ID}:status", "queue:mail",
    ],
)  # fmt: skip
def test_a_key_of_a_wrong_type_is_no_500(
    admin_client: Client, store: Store, redis: Redis, key: str
) -> None:
    """Other rows are shown as ever; a page that has nothing else says so."""
    fill(store)
    digest, token = newest(store), held(store).token
    redis.delete(f"resque:{key}")
    if key in ("pause-all-workers", "queue:mail") or ":" in key:
        redis.sadd(f"resque:{key}", "no such type")
    else:
        redis.set(f"resque:{key}", "no such type")
    asking = [f"{EDIT}?digest={digest}", f"{KILL}?id={WORKER}&token={token}"]

    answers = {
        url: admin_client.get(url).status_code
        for url in [OVERVIEW, FAILURES, failure_url(digest), *SHOWN, *ASKING, *asking]
    }

    assert set(answers.values()) <= {200, 302, 503}
    assert [url for url, code in answers.items() if code == 503 and key != "failed"] == []


# A Redis that refuses writes.


@pytest.fixture
def full(redis: Redis) -> Iterator[None]:
    redis.config_set("maxmemory", "1")
    yield
    redis.config_set("maxmemory", "0")


@pytest.fixture
def replica(redis: Redis) -> Iterator[None]:
    """Of a master that is away, so it keeps what it has."""
    redis.replicaof("127.0.0.1", "1")
    yield
    redis.replicaof("NO", "ONE")


def refusals(client: Client, store: Store) -> list[str]:
    """What the pages say when these are done: pause, which adds, and retry, which moves."""
    pause = client.post(f"{QUEUES}pause/", {"name": "mail"})
    retry = client.post(RETRY, {"digest": newest(store), "near": "0"})
    return [
        html.unescape(response.content.decode()) if response.status_code == 503 else "done"
        for response in (pause, retry)
    ]


def test_a_full_redis_is_said_and_can_still_be_drained(
    admin_client: Client, store: Store, redis: Redis, request: pytest.FixtureRequest
) -> None:
    fill(store)
    request.getfixturevalue("full")

    paused, retried = refusals(admin_client, store)

    assert "is full and refused this: nothing was changed" in paused
    assert retried == "done"
    assert "mail" in text(admin_client, QUEUES)


def test_a_replica_is_said(
    admin_client: Client, store: Store, redis: Redis, request: pytest.FixtureRequest
) -> None:
    fill(store)
    request.getfixturevalue("replica")

    for sentence in refusals(admin_client, store):
        assert "is a replica and takes no writes: nothing was changed" in sentence
    assert "mail" in text(admin_client, QUEUES)


def test_a_user_who_may_only_read_is_told(
    admin_client: Client, store: Store, redis: Redis, request: pytest.FixtureRequest
) -> None:
    fill(store)
    digest = newest(store)
    request.getfixturevalue("as_reader")

    response = admin_client.post(RETRY, {"digest": digest, "near": "0"})

    assert response.status_code == 503
    assert "may not do this. (" in response.content.decode()


def test_a_payload_with_other_arguments_is_the_same_in_all_else() -> None:
    raw = '{"class":"X", "id": "7" ,"args" :[1],"attempt":3}'

    found = Payload.read(raw).with_args([2])

    assert found.raw == '{"class":"X","id":"7","args":[2],"attempt":3}'
    assert found == Payload.read(found.raw)
