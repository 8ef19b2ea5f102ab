"""The admin's pages of queues, workers, delayed jobs and one job: what they show and do."""

import html
import json
import re
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django import Settings
from redis import Redis

from django_resque import contents, control, figures, search
from django_resque.admin import payloads
from django_resque.parcels import Parcel
from django_resque.store import Store, Take
from django_resque.wire import Payload
from tests.conftest import UserWith
from tests.test_admin import (
    ID,
    OVERVIEW,
    WORKER,
    dump,
    fail,
    marked,
    newest,
    page,
    register,
    said,
    text,
)

pytestmark = pytest.mark.django_db

ROOT = "/admin/django_resque/"
QUEUES = f"{ROOT}queues/"
QUEUE = f"{QUEUES}queue/?name=mail"
WORKERS = f"{ROOT}workers/"
ONE_WORKER = f"{WORKERS}worker/?id={WORKER}"
FAILURES = f"{ROOT}failures/"
GROUPS = f"{FAILURES}groups/"
SEVERAL = f"{FAILURES}several/"
DELAYED = f"{ROOT}delayed/"
JOB = f"{ROOT}overview/job/?id={ID}"

#: Every page that only shows, with what needs `control` or `delete` last.
SHOWN = [
    QUEUES,
    QUEUE,
    f"{QUEUE}&text=log",
    WORKERS,
    ONE_WORKER,
    f"{FAILURES}?text=order",
    GROUPS,
    DELAYED,
    JOB,
]
ASKING = [f"{QUEUES}clear/?name=mail", f"{WORKERS}stop/?id={WORKER}"]


def push(store: Store, *args: Any, queue: str = "mail", due: int | None = None) -> None:
    """Again and again the same id, as if each were the first."""
    store.redis.delete(store.keys.pushed(ID), store.keys.status(ID))
    store.push([Parcel(queue, Payload.new("login", list(args), ID, 1.0), due=due)])


def fill(store: Store) -> None:
    """Something for every page: a job in hand, one waiting, one delayed, one failed."""
    register(store)
    push(store, "held")
    store.reserve(Take.new(WORKER, ["mail"]))
    push(store, "cleared")
    store.clear_queue("mail")
    push(store, "waiting", "SECRET")
    push(store, "later", "SECRET", due=int(time.time()) + 3600)
    fail(store, "failed")


def first_delayed(client: Client) -> str:
    """The address of the page that asks whether to cancel the first delayed job."""
    link = re.search(rf'href="({DELAYED}cancel/[^"]+)"', page(client, DELAYED))
    assert link
    return html.unescape(link[1])


def first_waiting(client: Client) -> str:
    """The same of the page that asks whether to delete the first waiting job."""
    link = re.search(rf'href="({QUEUES}dequeue/[^"]+)"', page(client, QUEUE))
    assert link
    return html.unescape(link[1])


def fields_of(found: str) -> dict[str, str]:
    """What the form of a confirmation sends."""
    form = found.partition('class="resque-confirm"')[2].partition("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))


# Every page.


def test_viewers_see_every_page_and_no_action(user_with: UserWith, store: Store) -> None:
    client = user_with("view")
    fill(store)

    for url in SHOWN:
        own = page(client, url).partition('id="content-main"')[2]
        assert 'method="post"' not in own, url
        assert not re.search(r"/(clear|dequeue|stop|cancel)/", own), url


def test_staff_without_permission_gets_no_page(user_with: UserWith, store: Store) -> None:
    client, deleter = user_with(), user_with("delete", "control", "retry")
    fill(store)

    assert [client.get(url).status_code for url in SHOWN + ASKING] == [403] * 11
    assert [deleter.get(url).status_code for url in SHOWN] == [403] * 9
    assert [client.get(url).status_code for url in ("/admin/", DELAYED)] == [200, 403]


@pytest.mark.parametrize("url", [*SHOWN, *ASKING])
def test_redis_away_is_a_page_that_says_so(
    admin_client: Client, settings: Settings, url: str
) -> None:
    settings.RESQUE = {"URL": "redis://someone:hunter2@localhost:1/3"}

    found = text(admin_client, url, status=503)

    assert "Redis at redis://localhost:1/3 cannot be asked" in found
    assert "hunter2" not in found


def test_looking_never_writes_and_costs_at_most_five_round_trips(
    admin_client: Client, store: Store, redis: Redis, request: pytest.FixtureRequest
) -> None:
    fill(store)
    for number in range(60):
        push(store, number, queue=f"queue{number}")
        push(store, number, due=int(time.time()) + 4000 + number)
        register(store, f"host:{number}:mail")
    redis.rpush("resque:failed", *['{"payload":{"class":"Old"},"queue":"q"}'] * 6000)
    before = dump(redis)
    request.getfixturevalue("as_reader")
    sent: list[int] = request.getfixturevalue("round_trips")

    for url in [*SHOWN, *ASKING, first_waiting(admin_client), first_delayed(admin_client)]:
        page(admin_client, url)  # Connects.
        sent.clear()
        page(admin_client, url)
        assert 1 <= len(sent) <= 5, url

    assert dump(redis) == before


def test_a_large_farm_costs_no_more_round_trips_and_no_long_command(
    admin_client: Client, store: Store, redis: Redis, round_trips: list[int]
) -> None:
    """What a command reads is bounded, but for the names of queues and workers."""
    parcels = [Parcel(f"q{n}", Payload.new("X", [n], f"{n:032}", 1.0)) for n in range(1000)]
    store.push(parcels)
    for number in range(1000):
        register(store, f"host{number % 9}:{number}:q{number},q{number // 2}")
    redis.rpush("resque:failed", *['{"payload":{"class":"Old"},"queue":"q"}'] * 20_000)
    listed = {"resque:queues", "resque:workers", "resque:workers:lease", "resque:workers:about"}
    with redis.monitor() as monitored:  # type: ignore[no-untyped-call]  # not annotated
        for url in (OVERVIEW, QUEUES, WORKERS, FAILURES, f"{FAILURES}?page=400", GROUPS, DELAYED):
            round_trips.clear()
            page(admin_client, url)
            assert 1 <= len(round_trips) <= 5, url
        redis.echo("over")
        commands = []
        while (words := monitored.next_command()["command"].split())[0] != "ECHO":
            commands.append(words)

    assert len(commands) > 10_000
    for name, *given in commands:
        if name in ("SMEMBERS", "HGETALL"):
            bounded = given[0].startswith("resque:figures:")  # See test_figures.py.
            assert bounded or given[0] in listed | {"resque:queues:paused"}
        elif name in ("LRANGE", "ZRANGE"):
            assert int(given[2]) - int(given[1]) < 1000
        else:
            assert name in {
                "GET",
                "HGET",
                "MGET",
                "LLEN",
                "ZCARD",
                "LINDEX",
                "TIME",
                "INFO",
                "CONFIG",
                "HELLO",
                "CLIENT",
            }


def test_markup_in_every_field_comes_out_escaped(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    payload = {"class": marked("class"), "args": [{marked("name"): marked("arg")}]}
    payload |= {"id": marked("id"), "queue": marked("delayedqueue")}
    queue, worker = marked("queue"), f"{marked('host')}:1:{marked('listens')}"
    redis.sadd("resque:queues", queue)
    redis.rpush(f"resque:queue:{queue}", json.dumps(payload), json.dumps({marked("field"): 1}))
    redis.hset("resque:queues:paused", queue, json.dumps({"by": marked("by"), "at": marked("at")}))
    redis.sadd("resque:workers", worker)
    record = {"queue": marked("taken"), "run_at": marked("run_at"), "payload": payload}
    redis.set(f"resque:worker:{worker}", json.dumps(record))
    redis.hset("resque:workers:lease", worker, "1")
    about = {"machine": "m", "pid": 1, "birth": "1", "supervisor": 1, "supervisor_birth": "1"}
    redis.hset("resque:workers:about", worker, json.dumps(about | {"version": marked("version")}))
    redis.zadd("resque:delayed_queue_schedule", {marked("due"): 7})
    redis.rpush(f"resque:delayed:{marked('due')}", json.dumps(payload))
    status = {"status": 4, "updated": 1, "started": 1, "result": marked("result")}
    redis.set(f"resque:job:{marked('id')}:status", json.dumps(status))
    failure = {"payload": payload, "exception": marked("exception"), "error": marked("error")}
    redis.rpush("resque:failed", json.dumps(failure | {"queue": queue}))
    chosen = {"action": "remove", "chosen": f"{newest(store)}:0"}
    given = {"name": queue, "digest": search.digest(json.dumps(payload)), "behind": 0}
    deleting = f"{QUEUES}dequeue/?{urlencode(given)}"

    def get(url: str, **query: str) -> str:
        return admin_client.get(ROOT + url, query).content.decode()

    for found, names in (
        (get("overview/"), "queue host listens by at class taken"),
        (get("queues/"), "queue by"),
        (get("queues/queue/", name=queue), "queue by at class name arg id field"),
        (get("queues/clear/", name=queue), "queue"),
        (get("queues/queue/", name=queue, text="<i>ARG</i>"), "class name arg id"),
        (get("queues/queue/", name=queue, text=marked("typed")), "typed"),
        (page(admin_client, deleting), "class queue"),
        (get("queues/queue/", name=marked("none")), ""),
        (
            admin_client.get(f"{QUEUES}queue/?name=<i>none</i>", follow=True).content.decode(),
            "none",
        ),
        (get("workers/"), "host listens class taken version"),
        (get("workers/worker/", id=worker), "host listens class taken version name arg id"),
        (get("workers/stop/", id=worker), "host class"),
        (get("delayed/"), "class name arg id due delayedqueue"),
        (page(admin_client, first_delayed(admin_client)), "class delayedqueue due"),
        (get("overview/job/", id=marked("id")), "class name arg id queue host due error result"),
        (get("failures/", text="<i>", queue=queue), "class exception error"),
        (get("failures/", exception=marked("typed")), "typed"),
        (get("failures/groups/"), "class exception error"),
        (admin_client.post(SEVERAL, chosen).content.decode(), ""),
    ):
        assert "<i>" not in found
        for name in names.split():
            assert f"&lt;i&gt;{name}&lt;/i&gt;" in found, name


def test_what_is_broken_in_redis_is_shown(admin_client: Client, redis: Redis) -> None:
    redis.sadd("resque:queues", "mail", b"\xff")
    redis.set("resque:queue:mail", "no list")
    redis.rpush(b"resque:queue:\xff", b"\xff")
    redis.zadd("resque:delayed_queue_schedule", {"soon": 1, "9" * 400: 2, "7": 3})
    redis.zadd("resque:delayed_queue_schedule", {b"\xff": 4})
    redis.set("resque:delayed:soon", "no list")
    redis.rpush("resque:delayed:7", b"\xff", "[" * 9000, '{"class":"X","args":7}')
    redis.sadd("resque:workers", WORKER)
    redis.set(f"resque:worker:{WORKER}", b"\xff")
    redis.set(f"resque:job:{ID}:status", '{"status":9,"updated":1e300,"result":[[]]}')
    redis.rpush("resque:failed", b"\xff", "[]")

    for url in [*SHOWN, ASKING[0], first_delayed(admin_client)]:
        page(admin_client, url)

    gone = admin_client.get(f"{QUEUES}dequeue/?name=mail", follow=True)

    assert said(gone)[0].startswith("Nothing was deleted")
    assert "is no list" in text(admin_client, QUEUE)
    assert "cannot be read" in text(admin_client, DELAYED)


def test_the_markup_keeps_to_the_rules(admin_client: Client, store: Store) -> None:
    fill(store)

    for url in [*SHOWN, *ASKING, first_waiting(admin_client), first_delayed(admin_client)]:
        found = page(admin_client, url)
        own = found.partition('id="content-main"')[2].partition("<footer")[0]
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", found)
        assert all("aria-label" in table for table in re.findall(r"<table[^>]*>", own))
        assert all("scope=" in head for head in re.findall(r"<th\b[^>]*>", own))
        assert "SECRET" not in own


# Queues.


def test_a_queue_shows_its_next_jobs_by_the_page(admin_client: Client, store: Store) -> None:
    for number in range(30):
        push(store, f"number{number}", "SECRET")

    first, second = text(admin_client, QUEUE), text(admin_client, f"{QUEUE}&page=2")

    assert re.findall(r"number\d+", first) == [f"number{n}" for n in range(25)]
    assert re.findall(r"number\d+", second) == [f"number{n}" for n in range(25, 30)]
    assert "Page 1 of 2 Next Last 30 jobs" in first
    assert 'href="?name=mail&amp;page=2"' in page(admin_client, QUEUE)
    assert "SECRET" not in first


def test_a_queue_shows_its_last_jobs_too(admin_client: Client, store: Store) -> None:
    for number in range(53):
        push(store, f"number{number}")

    last = text(admin_client, f"{QUEUE}&page=last")

    assert re.findall(r"number\d+", last) == ["number50", "number51", "number52"]
    assert re.findall(r"(\d+) login", last) == ["51", "52", "53"]
    assert "First Previous Page 3 of 3 53 jobs" in last
    assert 'href="?name=mail&amp;page=2"' in page(admin_client, f"{QUEUE}&page=last")


def test_a_queue_tells_its_numbers(admin_client: Client, store: Store, redis: Redis) -> None:
    seconds, _ = redis.time()
    note = figures.Lengths(seconds - 300, {"mail": 2}, whole=True)
    redis.lpush("resque:figures:lengths", note.encode())
    for ago in (7200, 3600):
        payload = Payload.new("login", [], f"{ago:032}", float(seconds - ago))
        store.push([Parcel("mail", payload)])
    register(store, "host:1:mail")
    register(store, "host:2:low,*")
    register(store, "host:3:low")
    redis.hset("resque:queues:paused", "mail", '{"by":"ann","at":"2026-11-21T12:00:00Z"}')

    one, every = text(admin_client, QUEUE), text(admin_client, QUEUES)

    assert (
        "Waiting 2 Oldest waits 2.0 h Workers 2 Come a minute 0 Done a minute 0 "
        "Time to drain \N{EN DASH} Resume"
    ) in one
    assert "mail 2 2.0 h 2 0 0 \N{EN DASH} paused by ann since Nov. 21, 2026, 1 p.m." in every


@pytest.mark.parametrize("total", [0, 1, 25, 26, 50])
def test_the_last_page_is_the_one_of_that_number(store: Store, redis: Redis, total: int) -> None:
    redis.sadd("resque:queues", "mail")
    for number in range(total):
        push(store, number)

    last = contents.queue(store, "mail", None).jobs

    assert last == contents.queue(store, "mail", last.number).jobs
    assert last.next is None
    assert bool(last.rows) == bool(total)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("NEEDLE", [7, 3]), ("other.job", [5]), (f"{8:032}", [8]), ("<b>", [9]), ("none", [])],
)
def test_a_queue_is_searched_by_class_arguments_and_id(
    admin_client: Client, store: Store, redis: Redis, wanted: str, found: list[int]
) -> None:
    for number in range(10):
        args = [f"number{number} {'needle' if number in (3, 7) else 'hay'}"]
        job = "Other.Job" if number == 5 else "login"
        store.push([Parcel("mail", Payload.new(job, args, f"{number:032}", 1.0))])
    redis.lset("resque:queue:mail", 9, "number9 <b> is no JSON")

    shown = text(admin_client, f"{QUEUES}queue/?{urlencode({'name': 'mail', 'text': wanted})}")

    rows = contents.matching(store, "mail", wanted, 10, payloads.words).rows
    assert [(row.position, row.behind) for row in rows] == [(at, 9 - at) for at in found]
    assert re.findall(r"number(\d)", shown) == [f"{at}" for at in found if at != 9]
    assert "Looked at the last 10 of 10." in shown


@pytest.mark.parametrize(
    "raw",
    [
        '{"class":"login","args":["ann","hunter2"]}',  # A registered job: by its parameter.
        '{"class":"Other","args":[{"password":"hunter2"}]}',
        '{"class":"login","args":["ann",{"api_key":"hunter2"}]',
    ],
)
def test_a_search_does_not_tell_what_is_masked(
    admin_client: Client, redis: Redis, raw: str
) -> None:
    redis.rpush("resque:queue:mail", raw)

    assert "No job matches where was looked." in text(admin_client, f"{QUEUE}&text=hunter")
    assert "No job matches" not in text(admin_client, f"{QUEUE}&text=O")


@pytest.mark.parametrize(
    ("job", "args", "sought"),
    [
        ("login", ["ann", "hunter2"], "ANN"),
        ("X", ['{"to":"ann","password":"hunter2"'], "ann"),
        ("X", [{"pin": "hunter2"}], "such+order"),
    ],
)
def test_a_search_of_failures_does_not_tell_what_is_masked(
    admin_client: Client, store: Store, job: str, args: list[object], sought: str
) -> None:
    fail(store, *args, name=job)

    assert "hunter2" not in page(admin_client, FAILURES)
    assert "No failure matches" in text(admin_client, f"{FAILURES}?text=hunter")
    assert "No failure matches" not in text(admin_client, f"{FAILURES}?text={sought}")


def test_a_search_in_a_long_queue_says_how_far_it_has_come_and_goes_on(
    admin_client: Client, store: Store, redis: Redis, round_trips: list[int]
) -> None:
    redis.sadd("resque:queues", "mail")
    old = Payload.new("needle", [], "", 1.0).raw
    redis.rpush("resque:queue:mail", old, *['{"class":"Hay"}'] * 6000)
    first = f"{QUEUE}&text=needle"
    page(admin_client, first)
    round_trips.clear()

    shown = page(admin_client, first)
    cost = len(round_trips)
    redis.lpop("resque:queue:mail", 2)  # Workers go on, and so do producers.
    redis.lpush("resque:queue:mail", old)
    redis.rpush("resque:queue:mail", old)
    link = re.search(r'href="(\?[^"]+)" rel="next"', shown)
    assert link
    further = text(admin_client, QUEUES + "queue/" + html.unescape(link[1]))

    assert "Looked at the last 4,000 of 6,001." in shown
    assert cost <= 3
    assert "Search on" in shown
    assert "1 needle" in further
    assert "Search on" not in further


def test_a_waiting_job_is_deleted_once_and_the_very_one_that_was_shown(
    user_with: UserWith, store: Store, redis: Redis
) -> None:
    client = user_with("view", "delete")
    for number in range(4):
        payload = Payload.new("login", [f"number{number}"], f"{number:032x}", 1.0)
        store.push([Parcel("mail", payload)])
    asking = page(client, first_waiting(client))
    redis.lmove("resque:queue:mail", "resque:queue:mail", "LEFT", "RIGHT")

    deleted, again = (
        client.post(f"{QUEUES}dequeue/", fields_of(asking), follow=True) for _ in range(2)
    )

    assert "1 job, login, waits in the queue mail. It is deleted for good." in asking
    assert said(deleted) == ["Deleted the job login from the queue mail."]
    assert said(again)[0].startswith("Nothing was deleted: this job was taken meanwhile, or ")
    left = redis.lrange("resque:queue:mail", 0, -1)
    assert [json.loads(raw)["args"] for raw in left] == [[f"number{n}"] for n in (1, 2, 3)]
    assert store.status("0" * 32) is None
    assert store.status(f"{1:032x}") is not None
    assert LogEntry.objects.get().object_repr == f"login {0:032x}"


def test_the_status_of_a_deleted_job_of_php_is_gone_with_its_prefix(
    admin_client: Client, redis: Redis
) -> None:
    raw = f'{{"class":"login","args":[],"id":"{ID}","prefix":"shop","queue_time":1.5}}'
    redis.rpush("resque:queue:mail", raw)
    redis.set(f"resque:job:shop_{ID}:status", '{"status":1,"updated":1,"started":1}')

    form = fields_of(page(admin_client, first_waiting(admin_client)))
    admin_client.post(f"{QUEUES}dequeue/", form)

    assert redis.keys("resque:*:status") == []
    assert redis.llen("resque:queue:mail") == 0


@pytest.mark.parametrize(("taken", "pushed"), [(0, 9000), (2000, 3000), (3500, 9000), (9000, 3500)])
def test_a_job_is_found_again_although_the_queue_has_moved_on(
    store: Store, redis: Redis, taken: int, pushed: int
) -> None:
    hay, needle = '{"class":"Hay"}', '{"class":"Needle"}'
    redis.rpush("resque:queue:mail", *[hay] * 10_000, needle, *[hay] * 10_000)
    redis.lpop("resque:queue:mail", taken)
    redis.rpush("resque:queue:mail", *[hay] * pushed)

    row = contents.waiting(store, "mail", search.digest(needle), 10_000, 10_000)

    assert row
    assert (row.position, row.behind) == (10_000 - taken, 10_000 + pushed)


def test_a_queue_is_paused_and_resumed(user_with: UserWith, store: Store, redis: Redis) -> None:
    client = user_with("view", "control")
    push(store, 1)

    paused = client.post(f"{QUEUES}pause/", {"name": "mail"}, follow=True)
    overview = text(client, ROOT + "overview/")
    shown = text(client, QUEUE)
    resumed = client.post(f"{QUEUES}resume/", {"name": "mail"}, follow=True)
    again = client.post(f"{QUEUES}resume/", {"name": "mail"}, follow=True)

    assert said(paused)[0].startswith("Paused the queue mail")
    assert re.search(r"mail paused 1 \S+( \w+)? 0", overview)
    assert re.search(r"mail is paused by user0 since \w+\.? \d+, 20\d\d, .*: 1 waiting", overview)
    assert "Paused by user0 since" in shown
    assert said(resumed) == ["Resumed the queue mail."]
    assert said(again) == ["The queue mail is not paused."]
    assert not redis.exists("resque:queues:paused")
    assert LogEntry.objects.filter(object_id="mail").count() == 2


def test_all_workers_are_paused_and_resumed(admin_client: Client, redis: Redis) -> None:
    admin_client.post(f"{QUEUES}pause/", {"name": control.EVERYTHING})

    assert redis.get("resque:pause-all-workers") == b"true"
    assert "All workers are paused." in text(admin_client, QUEUES)
    admin_client.post(f"{QUEUES}resume/", {"name": control.EVERYTHING})
    assert not redis.exists("resque:pause-all-workers")


def test_clearing_a_queue_names_the_number_first(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    for number in range(3):
        push(store, number)
    asking = page(admin_client, f"{QUEUES}clear/?name=mail")

    assert "3 jobs wait in the queue mail. Cleared, they can be brought back within an" in asking
    assert "for good" not in asking
    assert redis.llen("resque:queue:mail") == 3
    response = admin_client.post(f"{QUEUES}clear/", fields_of(asking), follow=True)

    assert said(response) == [
        "Cleared the queue mail: 3 jobs, which can be brought back within an hour."
    ]
    assert redis.llen("resque:queue:mail") == 0
    assert LogEntry.objects.get().object_repr == "mail"


@pytest.mark.parametrize("url", [QUEUE, QUEUES])
def test_a_cleared_queue_can_be_brought_back(
    user_with: UserWith, store: Store, redis: Redis, url: str
) -> None:
    client = user_with("view", "control")
    for number in range(3):
        push(store, number)
    waiting = redis.lrange("resque:queue:mail", 0, -1)
    client.post(f"{QUEUES}clear/", {"name": "mail", "before": 0})
    push(store, "new")

    offer = page(client, url)
    response = client.post(f"{QUEUES}restore/", {"name": "mail"}, follow=True)
    again = client.post(f"{QUEUES}restore/", {"name": "mail"}, follow=True)

    assert ">Bring 3 back</button>" in offer
    assert said(response) == ["Brought 3 jobs back to the queue mail, as the next ones."]
    assert said(again)[0].startswith("Nothing to bring back: ")
    assert redis.lrange("resque:queue:mail", 0, 2) == waiting
    assert redis.llen("resque:queue:mail") == 4
    assert "Bring" not in page(client, url)
    assert LogEntry.objects.count() == 2


def test_a_click_that_comes_twice_does_not_drop_what_the_first_has_cleared(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    push(store, 1)
    push(store, 2)
    form = fields_of(page(admin_client, f"{QUEUES}clear/?name=mail"))
    admin_client.post(f"{QUEUES}clear/", form)
    push(store, 3)

    second = admin_client.post(f"{QUEUES}clear/", form, follow=True)
    asking = page(admin_client, f"{QUEUES}clear/?name=mail")
    third = admin_client.post(f"{QUEUES}clear/", fields_of(asking), follow=True)

    assert said(second)[-1].startswith("The queue mail was cleared by somebody else meanwhile")
    assert "2 jobs that were cleared before are dropped for good." in asking
    assert said(third)[-1].startswith("Cleared the queue mail: 1 job, ")
    assert redis.llen("resque:queues:cleared:mail") == 1


def test_what_was_cleared_can_be_brought_back_to_a_queue_that_was_forgotten_since(
    admin_client: Client, store: Store
) -> None:
    push(store, 1)
    store.clear_queue("mail")
    store.remove_queue("mail")

    offer = page(admin_client, QUEUE)
    admin_client.post(f"{QUEUES}restore/", {"name": "mail"})

    assert "Bring 1 back" in offer
    assert "mail 1 \N{EN DASH} 0 " in text(admin_client, QUEUES)


@pytest.mark.parametrize("action", ["pause", "clear", "restore"])
def test_an_unknown_queue_is_not_acted_on(admin_client: Client, redis: Redis, action: str) -> None:
    response = admin_client.post(f"{QUEUES}{action}/", {"name": "nowhere"}, follow=True)

    assert said(response) == ["There is no queue nowhere."]
    assert redis.keys() == []


def test_many_queues_come_by_the_page_and_the_worst_first_on_the_overview(
    admin_client: Client, store: Store
) -> None:
    names = [f"q{number:03}" for number in range(230)]
    store.push([Parcel(n, Payload.new("X", [], f"{n:0>32}", 1.0)) for n in names])
    store.push([Parcel("q007", Payload.new("X", [], "f" * 32, 1.0))])
    register(store, "host:1:" + ",".join(names[:200]))

    last = text(admin_client, f"{QUEUES}?page=3")
    overview = page(admin_client, OVERVIEW).partition('id="resque-queues"')[2].replace("<wbr>", "")

    assert re.findall(r"q\d{3}", last)[:1] == ["q200"]
    assert "Page 3 of 3" in last
    shown = list(dict.fromkeys(re.findall(r">(q\d{3})<", overview)))
    assert len(shown) == 25
    assert shown == sorted(shown)
    assert min(shown) >= "q200"
    assert "All 230 queues" in overview


def test_many_workers_come_by_the_page(admin_client: Client, store: Store) -> None:
    for number in range(130):
        register(store, f"host{number:03}:1:mail")
    store.redis.hset(store.keys.leases, "host077:1:mail", "1")

    second, overview = text(admin_client, f"{WORKERS}?page=2"), text(admin_client, OVERVIEW)

    assert "host099" not in second
    assert "host100" in second
    assert "Page 2 of 2" in second
    assert "host077:1:mail silent for" in overview
    assert "All 130 workers" in overview
    assert overview.count(":1:mail waiting") == 24


# Workers.


def test_a_worker_is_shown_with_its_job(admin_client: Client, store: Store) -> None:
    fill(store)
    register(store, "web-2:1:images")

    listed, shown = text(admin_client, WORKERS), text(admin_client, ONE_WORKER)

    assert re.search(
        rf"{WORKER} Python, version 0.1.0 performing login from mail, .* ago 0 0 0 s ago", listed
    )
    assert "web-2:1:images Python, version 0.1.0 waiting" in listed
    assert "Host web-1 Process 4711 Listens to mail, images" in shown
    assert f"Job login Id {ID} Queue mail" in shown
    assert '"held"' in shown


def test_a_worker_is_asked_to_stop(admin_client: Client, store: Store, redis: Redis) -> None:
    fill(store)
    asking = page(admin_client, f"{WORKERS}stop/?id={WORKER}")

    assert "It performs login" in asking
    assert not redis.exists("resque:workers:orders")
    response = admin_client.post(f"{WORKERS}stop/", fields_of(asking), follow=True)

    assert said(response) == [f"Asked the worker {WORKER} to stop after its job."]
    assert redis.hget("resque:workers:orders", WORKER) == b"1 stop"
    assert LogEntry.objects.get().object_id == WORKER


def test_another_languages_worker_has_no_stop(admin_client: Client, redis: Redis) -> None:
    redis.sadd("resque:workers", "ruby:1:mail")

    response = admin_client.post(f"{WORKERS}stop/", {"id": "ruby:1:mail"}, follow=True)

    assert "no worker of django-resque" in said(response)[0]
    assert not re.search("/stop/", page(admin_client, WORKERS))
    assert not LogEntry.objects.exists()


# Delayed jobs, and one job.


def test_delayed_jobs_come_earliest_first(admin_client: Client, store: Store) -> None:
    now = int(time.time())
    for number in (2, 1):
        push(store, f"number{number}", "SECRET", due=now + number * 3600)
    for number in range(12):
        push(store, number, due=now + 9 * 3600)

    found = text(admin_client, DELAYED)

    assert found.index("number1") < found.index("number2")
    assert "and 9 more" in found
    assert "Page 1 of 1 3 due times" in found
    assert "in 59 minutes" in found
    assert "SECRET" not in found


def test_all_jobs_of_one_due_time_come_by_the_page(admin_client: Client, store: Store) -> None:
    due = int(time.time()) + 3600
    for number in range(30):
        push(store, f"number{number}", due=due)
    link = re.search(rf'href="({DELAYED}\?due={due})">and 27 more<', page(admin_client, DELAYED))
    assert link

    first, second = text(admin_client, link[1]), text(admin_client, f"{link[1]}&page=2")

    assert re.findall(r"number\d+", first) == [f"number{n}" for n in range(25)]
    assert re.findall(r"number\d+", second) == [f"number{n}" for n in range(25, 30)]
    assert "Page 2 of 2 30 jobs" in second
    assert f'href="?due={due}&amp;page=2"' in page(admin_client, link[1])
    assert "cannot be read, or was emptied" in text(admin_client, f"{DELAYED}?due=7")


def test_a_page_of_many_delayed_jobs_is_small(admin_client: Client, store: Store) -> None:
    now = int(time.time())
    payload = Payload.new("shop.jobs.Remind", ["x" * 300], ID, 1.0)
    parcels = [Parcel("mail", payload, due=now + 60 + n % 40, track=False) for n in range(400)]
    for parcel in parcels:
        store.redis.delete(store.keys.pushed(ID))
        store.push([parcel])

    assert len(page(admin_client, DELAYED)) < 130_000


def test_a_delayed_job_is_cancelled_once(admin_client: Client, store: Store, redis: Redis) -> None:
    due = int(time.time()) + 3600
    push(store, "this", due=due)
    push(store, "other", due=due)
    asking = page(admin_client, first_delayed(admin_client))

    assert redis.llen(f"resque:delayed:{due}") == 2
    answers = [
        admin_client.post(f"{DELAYED}cancel/", fields_of(asking), follow=True) for _ in range(2)
    ]

    assert said(answers[0]) == ["Cancelled the delayed job login."]
    assert said(answers[1])[0].startswith("This job is not delayed any more")
    assert [b"other" in raw for raw in redis.lrange(f"resque:delayed:{due}", 0, -1)] == [True]
    assert LogEntry.objects.count() == 1


def test_a_job_is_found_by_its_id(admin_client: Client, store: Store) -> None:
    fill(store)

    found = text(admin_client, JOB)

    assert "Status waiting Enqueued" in found
    for place in (
        "Waits in a queue",
        "Was cleared from its queue",
        "In a worker's hands",
        "Delayed Job",
        "Among the failures",
    ):
        assert place in found
    assert "Not found where was looked" in text(admin_client, JOB[:-1])
    assert "Job by its id" in text(admin_client, f"{ROOT}overview/job/")


def test_a_complete_job_is_not_said_to_be_missing(admin_client: Client, store: Store) -> None:
    store.redis.set(store.keys.status(ID), '{"status":4,"updated":1,"started":1,"result":null}')

    found = text(admin_client, JOB)

    assert "Status complete" in found
    assert "Not found" not in found


# Failures, filtered and grouped; several at once.


def test_all_since_a_time_are_meant_by_that_time(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    """And not by the time of the answer."""
    redis.rpush(
        "resque:failed", '{"failed_at":"2020/01/01 00:00:00 UTC","payload":{"class":"Old"}}'
    )
    fail(store, 1)
    given = {"action": "remove", "which": "matching"}
    given["since"] = "2026-01-01T00:00:00+00:00"

    form = fields_of(admin_client.post(SEVERAL, given).content.decode())
    response = admin_client.post(SEVERAL, form, follow=True)

    assert form["since"] == given["since"]
    assert said(response) == ["Deleted 1 of 1."]
    assert redis.llen("resque:failed") == 1


def some_failures(store: Store) -> list[str]:
    fail(store, "one", queue="mail", name="shop.jobs.Mail")
    fail(store, "two", queue="images", name="shop.jobs.Thumb")
    fail(store, "three", queue="mail", name="shop.jobs.Mail")
    return [f"{row}:0" for row in (newest(store),)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("queue=images", ["two"]),
        ("class=Mail", ["three", "one"]),
        ("exception=ValueError", ["three", "two", "one"]),
        ("exception=KeyError", []),
        ("text=ONE", ["one"]),
        ("queue=mail&text=thr", ["three"]),
        ("below=2", ["two", "one"]),
        ("since=999&queue=images", ["two"]),
        ("since=2099-01-01T00:00:00%2B00:00", []),
        ("since=x", ["three", "two", "one"]),
        ("since=2026-01-01", ["three", "two", "one"]),
    ],
)
def test_failures_are_filtered(
    admin_client: Client, store: Store, query: str, expected: list[str]
) -> None:
    some_failures(store)

    found = text(admin_client, f"{FAILURES}?{query}")

    assert re.findall(r'"(one|two|three)"', found) == expected
    assert ("Looked at" in found) == (query not in ("since=x", "since=2026-01-01"))


def test_a_search_says_how_far_it_looked_and_goes_on(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    fail(store, "oldest")
    redis.rpush("resque:failed", *['{"payload":{"class":"Other"},"queue":"q"}'] * 4500)

    found = page(admin_client, f"{FAILURES}?class=Mail")
    link = re.search(r'href="(\?class=Mail&amp;below=\d+)"', found)

    assert "Looked at 4,000 of 4,501." in found
    assert link
    assert '"oldest"' in text(admin_client, FAILURES + html.unescape(link[1]))


def test_failures_are_grouped(admin_client: Client, store: Store) -> None:
    some_failures(store)

    found = text(admin_client, GROUPS)

    assert re.search(r"ValueError no such order shop.jobs.Mail 2 .* shop.jobs.Thumb 1 ", found)
    assert found.endswith("Looked at the newest 3 of 3.")


def of_each_language(store: Store, redis: Redis) -> None:
    fail(store, "ours", name="Python")
    for name, failed_at, line in (
        ("Ruby", "2026/11/20 23:35:47 UTC", "/app/jobs.rb:58:in `perform'"),
        ("Php", "2026-11-20T23:37:24+00:00", "#0 {main}"),
        ("Node", "Fri Nov 20 2026 23:43:07 GMT+0000 (Coordinated Universal Time)", "    at x"),
        ("Odd", "whenever", "?"),
    ):
        fields = {"failed_at": failed_at, "payload": {"class": name}, "backtrace": [line]}
        redis.rpush("resque:failed", json.dumps({**fields, "queue": "mail"}))


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("python", ["Python"]),
        ("ruby", ["Ruby"]),
        ("php", ["Php"]),
        ("node", ["Node"]),
        ("unknown", ["Odd"]),
        ("COBOL", ["Odd", "Node", "Php", "Ruby", "Python"]),
        ("ruby&queue=other", []),
    ],
)
def test_failures_are_filtered_by_the_language_of_their_worker(
    admin_client: Client, store: Store, redis: Redis, language: str, expected: list[str]
) -> None:
    of_each_language(store, redis)

    listed = page(admin_client, f"{FAILURES}?language={language}")
    grouped = page(admin_client, f"{GROUPS}?language={language}")

    assert re.findall(r"\?near=\d\">(\w+)</a>", listed) == expected
    assert sorted(re.findall(r"failures/\?class=(\w+)", grouped)) == sorted(expected)
    assert ("language=ruby" in listed) == ("ruby" in language)


def test_an_action_on_all_that_match_minds_the_language(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    of_each_language(store, redis)
    form = page(admin_client, f"{FAILURES}?language=ruby").partition('id="resque-several"')[2]
    given = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))

    asking = admin_client.post(SEVERAL, {**given, "which": "matching", "action": "remove"})
    response = admin_client.post(SEVERAL, fields_of(asking.content.decode()), follow=True)

    assert said(response) == ["Deleted 1 of 1."]
    left = [json.loads(raw)["payload"]["class"] for raw in redis.lrange("resque:failed", 0, -1)]
    assert left == ["Python", "Php", "Node", "Odd"]


def chosen(client: Client) -> list[str]:
    """The boxes of the list."""
    return re.findall(r'name="chosen" value="([^"]+)"', page(client, FAILURES))


def test_chosen_failures_are_retried_as_many_as_are_there(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    some_failures(store)
    boxes = chosen(admin_client)
    control.retry(store, boxes[0].split(":")[0], 0)

    given = {"action": "retry", "which": "chosen", "chosen": boxes[:2]}
    answers = [admin_client.post(SEVERAL, given, follow=True) for _ in range(2)]

    assert said(answers[0]) == ["Retried 1 of 2. 1 was not there any more."]
    assert said(answers[1]) == ["Retried 0 of 2. 2 were not there any more."]
    assert redis.llen("resque:queue:images") == 1
    assert redis.llen("resque:failed") == 1
    assert LogEntry.objects.count() == 1


def test_chosen_failures_are_deleted_when_that_is_confirmed(
    admin_client: Client, store: Store, redis: Redis
) -> None:
    some_failures(store)
    given = {"action": "remove", "which": "chosen", "chosen": chosen(admin_client)[:2]}

    asking = admin_client.post(SEVERAL, given)

    assert "2 failures are deleted for good." in asking.content.decode()
    assert redis.llen("resque:failed") == 3
    response = admin_client.post(SEVERAL, {**given, "confirmed": "1"}, follow=True)
    assert said(response) == ["Deleted 2 of 2."]
    assert redis.llen("resque:failed") == 1


@pytest.mark.parametrize("action", ["retry", "remove"])
def test_all_that_match_are_meant_when_that_is_confirmed(
    admin_client: Client, store: Store, redis: Redis, action: str
) -> None:
    some_failures(store)
    given = {"action": action, "which": "matching", "class": "Mail"}

    asking = admin_client.post(SEVERAL, given).content.decode()
    fail(store, "after the question")
    response = admin_client.post(SEVERAL, fields_of(asking), follow=True)

    assert "2 failures" in asking
    assert said(response)[0] in ("Retried 2 of 2.", "Deleted 2 of 2.")
    assert redis.llen("resque:failed") == 2
    assert redis.llen("resque:queue:mail") == (2 if action == "retry" else 0)
    assert LogEntry.objects.get().object_repr == "2 failures"


def test_without_a_place_nothing_is_meant(admin_client: Client, store: Store, redis: Redis) -> None:
    some_failures(store)

    given = {"action": "remove", "which": "matching", "confirmed": "1"}
    admin_client.post(SEVERAL, given)

    assert redis.llen("resque:failed") == 3


@pytest.mark.parametrize("given", [{}, {"action": "x"}, {"action": "retry"}])
def test_an_odd_request_changes_nothing(
    admin_client: Client, store: Store, redis: Redis, given: dict[str, str]
) -> None:
    some_failures(store)

    response = admin_client.post(SEVERAL, given, follow=True)

    assert said(response)[0].startswith("No ")
    assert redis.llen("resque:failed") == 3


# Who may.


@pytest.mark.parametrize(
    ("url", "given", "permission"),
    [
        (f"{QUEUES}pause/", {"name": "mail"}, "control"),
        (f"{QUEUES}resume/", {"name": "mail"}, "control"),
        (f"{QUEUES}clear/", {"name": "mail", "before": 1}, "control"),
        (f"{QUEUES}restore/", {"name": "mail"}, "control"),
        (f"{WORKERS}stop/", {"id": WORKER}, "control"),
        (f"{QUEUES}dequeue/", {"name": "mail", "digest": "x"}, "delete"),
        (f"{DELAYED}cancel/", {"due": "1", "digest": "x"}, "delete"),
        (SEVERAL, {"action": "retry", "which": "matching"}, "retry"),
        (SEVERAL, {"action": "remove", "which": "matching"}, "delete"),
    ],
)
def test_an_action_needs_its_permission_and_the_token(
    user_with: UserWith, store: Store, redis: Redis, url: str, given: Any, permission: str
) -> None:
    fill(store)
    others = {"view", "retry", "delete", "control"} - {permission}
    before = dump(redis)

    refused = user_with(*others).post(url, given)
    bare = user_with("view", permission, enforce_csrf_checks=True).post(url, given)
    allowed = user_with("view", permission).post(url, given)

    assert (refused.status_code, bare.status_code) == (403, 403)
    assert allowed.status_code in (200, 302)
    if url == f"{QUEUES}clear/":
        assert dump(redis) != before


@pytest.mark.parametrize(
    "url", [f"{QUEUES}pause/", f"{QUEUES}resume/", f"{QUEUES}restore/", SEVERAL]
)
def test_acting_needs_a_post(admin_client: Client, url: str) -> None:
    assert admin_client.get(url).status_code == 405


def test_a_pause_that_was_written_by_somebody_else_is_shown_as_it_is(
    admin_client: Client, redis: Redis
) -> None:
    odd = {"by": "<i>2026-11-21T12:30:01Z</i>", "at": "2026-99-99T99:99:99Z"}
    redis.hset("resque:queues:paused", "mail", json.dumps(odd))

    found = page(admin_client, OVERVIEW)

    assert '&lt;i&gt;<time datetime="2026-11-21T12:30:01+00:00"' in found
    assert "2026-99-99T99:99:99Z" in found


@pytest.mark.parametrize("url", [f"{QUEUES}pause/", f"{FAILURES}retry/", f"{DELAYED}run/"])
def test_who_logs_in_between_a_button_and_its_action_is_told_to_press_again(
    admin_client: Client, url: str
) -> None:
    response = admin_client.get(url)

    shown = response.content.decode()
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert "Nothing was done" in shown
    assert f'<a href="{url.rsplit("/", 2)[0]}/">Back</a>' in shown


def test_a_question_says_where_one_is(admin_client: Client, store: Store) -> None:
    fill(store)

    for url, parent in zip(ASKING, (QUEUES, WORKERS), strict=True):
        crumbs = page(admin_client, url).partition("breadcrumbs")[2].partition("<main")[0]
        assert f'<a href="{parent}">' in crumbs
