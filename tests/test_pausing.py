"""One worker is paused and goes on: by an order in Redis, or a signal; and everybody says so."""

import html
import json
import os
import re
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from redis import Redis

from django_resque import control, doctor, enqueue, enqueue_to, monitor
from django_resque.about import About
from django_resque.board import Board
from django_resque.rows import WorkerRow
from django_resque.store import Store
from tests.conftest import Farm, UserWith, gone, wait_for
from tests.project import jobs
from tests.test_admin import WORKER, dump, marked, page, said, text
from tests.test_admin_pages import ONE_WORKER, WORKERS, fill
from tests.test_operating import stopped, titled
from tests.test_waking import idle, quiet
from tests.test_working import begun, lines, title

pytestmark = pytest.mark.django_db(transaction=True)

PAUSE, RESUME = f"{WORKERS}pause/", f"{WORKERS}resume/"
ABOUT = About("machine", 7, "1", 6, "0", "0.1.0")


def row(store: Store, pid: int) -> WorkerRow:
    """The worker in this process, once it is registered."""

    def found() -> WorkerRow | None:
        rows = monitor.overview(store).workers
        return next((each for each in rows if each.pid == str(pid) and each.birth), None)

    return wait_for(found, f"the worker {pid}")  # type: ignore[no-any-return]  # it is a row


def ordered(store: Store, pid: int, *, paused: bool) -> None:
    """As the page does it; waits until its record says so."""
    worker = row(store, pid)
    order = control.pause if paused else control.resume
    assert order(store, worker.id, worker.birth)
    wait_for(lambda: row(store, pid).paused_itself == paused, "the record says so")


def orders(redis: Redis) -> str:
    """What stands in Redis for the worker of these pages."""
    found = redis.hget("resque:workers:orders", WORKER)
    return found.decode() if isinstance(found, bytes) else ""


def beats(store: Store, count: int = 2) -> None:
    for _ in range(count):
        before = store.leases()
        wait_for(lambda: store.leases() != before, "a beat")  # noqa: B023 -- called here


# Real processes.


def test_an_order_pauses_one_worker_until_the_next(
    farm: Farm, store: Store, redis: Redis, trace: Path
) -> None:
    work = idle(farm, redis, count=2)
    first, second = work.worker_pids()

    ordered(store, first, paused=True)

    titled(first, ": Paused")
    for _ in range(6):
        enqueue(jobs.describe_process, str(trace))
    wait_for(lambda: len(lines(trace)) == 6, "its sibling works on")
    assert set(lines(trace)) == {str(second)}
    assert (row(store, first).state, row(store, second).state) == ("paused", "waiting")
    assert ": supervising 2 of" in title(work.pid)

    ordered(store, second, paused=True)
    titled(work.pid, ": supervising paused 2 of")
    enqueue(jobs.describe_process, str(trace))
    quiet(redis)
    assert len(lines(trace)) == 6
    ordered(store, first, paused=False)
    wait_for(lambda: len(lines(trace)) == 7, "the first works again", 3)
    assert lines(trace)[-1] == str(first)
    stopped(work)


def test_the_job_in_hand_of_a_paused_worker_runs_to_its_end(
    farm: Farm, store: Store, redis: Redis, trace: Path
) -> None:
    work = idle(farm, redis, "--queue=slow,default")
    (pid,) = work.worker_pids()
    running = enqueue(jobs.Sleep, str(trace), 1)
    begun(trace)
    enqueue(jobs.note, str(trace))

    ordered(store, pid, paused=True)

    assert row(store, pid).state == "performing"
    assert row(store, pid).paused
    titled(pid, ": Paused")
    assert running.status == "complete"
    assert lines(trace) == ["begin", "end"]
    assert row(store, pid).state == "paused"


def test_a_signal_and_an_order_are_one_pause_that_is_shown_at_once(
    farm: Farm, store: Store, redis: Redis, trace: Path
) -> None:
    """Whichever comes last is obeyed; an order that still stands is not obeyed again."""
    work = idle(farm, redis, RESQUE_HEARTBEAT="0.2")
    (pid,) = work.worker_pids()

    ordered(store, pid, paused=True)
    os.kill(pid, signal.SIGCONT)
    wait_for(lambda: not row(store, pid).paused_itself, "CONT ends the pause of an order")
    beats(store)
    enqueue(jobs.note, str(trace), "first")
    wait_for(lambda: lines(trace) == ["first"], "work goes on")
    ordered(store, pid, paused=True)
    ordered(store, pid, paused=False)
    work.send(signal.SIGUSR2)
    wait_for(lambda: row(store, pid).paused_itself, "the record")
    beats(store)
    assert row(store, pid).paused_itself
    ordered(store, pid, paused=False)

    enqueue(jobs.note, str(trace), "second")
    wait_for(lambda: lines(trace) == ["first", "second"], "work goes on", 3)


def test_a_pause_by_a_signal_to_one_worker_is_shown_long_before_the_next_beat(
    farm: Farm, store: Store, redis: Redis, trace: Path
) -> None:
    """Also of one that performs."""
    work = idle(farm, redis, "--queue=slow", count=2)
    enqueue(jobs.linger, str(trace), 600)
    wait_for(lambda: lines(trace), "the job has begun")
    busy = int(lines(trace)[0])
    (other,) = set(work.worker_pids()) - {busy}

    os.kill(busy, signal.SIGUSR2)

    wait_for(lambda: row(store, busy).paused_itself, "the record", 2)
    assert not row(store, other).paused_itself
    os.kill(other, signal.SIGUSR2)
    wait_for(lambda: row(store, other).paused_itself, "the record of one that waits", 2)


def test_what_replaces_a_paused_process_is_paused_too(
    farm: Farm, store: Store, redis: Redis, trace: Path
) -> None:
    work = idle(farm, redis, "--queue=slow", "--max-jobs=1")
    (first,) = work.worker_pids()
    enqueue(jobs.Sleep, str(trace), 1)
    enqueue(jobs.Sleep, str(trace), 0)
    begun(trace)
    before = row(store, first)

    ordered(store, first, paused=True)

    work.says("*** Starting worker", times=2)
    second = work.worker_pids()[1]
    titled(second, ": Paused")
    assert row(store, second).paused_itself
    assert not control.resume(store, before.id, before.birth)
    os.kill(second, signal.SIGKILL)
    work.says("*** Starting worker", times=3)
    third = work.worker_pids()[2]
    titled(third, ": Paused")
    quiet(redis)
    assert lines(trace) == ["begin", "end"]
    now = row(store, third)
    assert control.resume(store, now.id, now.birth)
    wait_for(lambda: len(lines(trace)) == 4, "work goes on", 3)


def test_what_replaces_another_process_is_not_paused(
    farm: Farm, store: Store, redis: Redis, trace: Path
) -> None:
    """Nor does a pause outlive a worker that was asked to stop."""
    work = idle(farm, redis, count=3)
    first, second, third = work.worker_pids()
    ordered(store, first, paused=True)
    ordered(store, second, paused=True)
    store.order_stop({row(store, first).id: row(store, first).birth})
    gone(first)

    os.kill(third, signal.SIGKILL)

    work.says("*** Starting worker", times=4)
    fourth = work.worker_pids()[3]
    wait_for(lambda: ": Waiting for " in title(fourth), "it waits")
    enqueue(jobs.describe_process, str(trace))
    wait_for(lambda: lines(trace), "its job")
    assert lines(trace) == [str(fourth)]
    assert ": Paused" in title(second)


def test_an_order_for_an_earlier_process_of_the_same_id_pauses_nobody(
    farm: Farm, store: Store, redis: Redis, trace: Path
) -> None:
    work = idle(farm, redis, RESQUE_HEARTBEAT="0.2")
    worker = row(store, work.worker_pids()[0])

    store.order_pause(worker.id, "an earlier birth", "token", paused=True)

    beats(store)
    enqueue(jobs.note, str(trace))
    wait_for(lambda: lines(trace), "it works on")
    assert not row(store, work.worker_pids()[0]).paused_itself


@pytest.mark.parametrize("mode", ["--in-process", "--fork-per-job"])
def test_other_modes_are_paused_in_the_same_way(
    farm: Farm, store: Store, redis: Redis, trace: Path, mode: str
) -> None:
    work = farm("resque_work", "--interval=60", "--queue=default", mode)
    work.says("*** Starting worker")
    pid = work.pid if mode == "--in-process" else work.worker_pids()[0]

    ordered(store, pid, paused=True)

    enqueue(jobs.note, str(trace))
    titled(pid, ": Paused")
    quiet(redis)
    assert lines(trace) == []
    ordered(store, pid, paused=False)
    wait_for(lambda: lines(trace), "work goes on", 3)
    os.kill(pid, signal.SIGUSR2)
    wait_for(lambda: row(store, pid).paused_itself, "the record of a signal", 3)
    stopped(work)


def test_a_worker_that_was_paused_before_it_could_register_says_so(
    farm: Farm, store: Store, redis: Redis
) -> None:
    work = idle(farm, redis)
    work.send(signal.SIGUSR2)
    titled(work.worker_pids()[0], ": Paused")

    os.kill(work.worker_pids()[0], signal.SIGKILL)

    work.says("*** Starting worker", times=2)
    second = work.worker_pids()[1]
    titled(second, ": Paused")
    assert row(store, second).paused_itself


def test_the_memory_of_a_worker_is_told(farm: Farm, store: Store, redis: Redis) -> None:
    work = idle(farm, redis)

    found = row(store, work.worker_pids()[0])

    assert 10e6 < found.memory < 1e9
    assert found.language == "Python"


# The order.


def test_an_order_that_is_repeated_is_one_and_takes_the_place_of_earlier_ones(
    store: Store, redis: Redis
) -> None:
    store.order_pause(WORKER, "7", "a", paused=True)
    store.order_kill(WORKER, "7", "token")
    store.order_pause(WORKER, "7", "a", paused=True)
    twice = orders(redis)
    store.order_pause(WORKER, "7", "b", paused=False)
    resumed = orders(redis)
    store.order_pause(WORKER, "7", "c", paused=True)
    store.order_pause(WORKER, "7", "d", paused=True)

    assert twice == "7 pause:a kill:token"
    assert resumed == "7 kill:token resume:b"
    assert orders(redis) == "7 kill:token pause:d"


def test_a_pause_belongs_to_the_place_of_a_worker() -> None:
    board = Board(2)
    first, second = board.take(), board.take()
    first.paused = second.paused = 1

    board.give_back(first)
    replaced = bool(board.take().paused)
    board.pause(paused=False)
    resumed = bool(second.paused)
    board.give_back(second, replaced=False)

    assert (replaced, resumed) == (True, False)
    with pytest.raises(IndexError):
        board.take()


# What is said.


def problems(store: Store) -> list[str]:
    return [each.text for each in monitor.overview(store).problems if " waiting" in each.text]


def test_jobs_whose_workers_are_all_paused_are_told_of(store: Store, redis: Redis) -> None:
    for _ in range(3):
        enqueue_to("mail", "X")
    enqueue_to("low", "X")
    store.register("h:1:mail,low", replace(ABOUT, paused=True))
    store.register("h:2:mail*", replace(ABOUT, paused=True))
    store.register("h:3:low", ABOUT)
    sentence = "mail: 3 waiting, all workers that listen are paused"

    assert problems(store) == [f"{sentence}."]
    redis.hset("resque:workers:lease", "h:2:mail*", "1")
    assert problems(store) == [f"{sentence}."]
    store.register("h:4:mail", ABOUT)
    assert problems(store) == []
    redis.hset("resque:workers:lease", "h:4:mail", "1")
    assert problems(store) == [f"{sentence} or silent."]
    redis.sadd("resque:workers", "ruby:1:mail")  # Which no order of ours can pause.
    assert problems(store) == []


def test_a_queue_whose_workers_are_all_paused_is_not_called_open(
    admin_client: Client, store: Store
) -> None:
    enqueue_to("mail", "X")
    store.register("h:1:mail", replace(ABOUT, paused=True))
    url = reverse("admin:django_resque_queues")
    said = "its workers are paused or silent"

    assert said in admin_client.get(url).content.decode()
    store.register("h:2:mail", ABOUT)
    assert said not in admin_client.get(url).content.decode()


def test_a_queue_that_is_paused_by_name_is_told_of_once(store: Store) -> None:
    enqueue_to("mail", "X")
    store.register("h:1:mail", replace(ABOUT, paused=True))
    store.pause("mail", by="ada")

    (one,) = problems(store)

    assert one.startswith("mail is paused by ada")


def test_status_tells_of_a_paused_worker_that_still_performs(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(store)
    store.beat({WORKER: replace(ABOUT, paused=True, memory=41_000_000)})

    for words in ([], ["--json"]):
        with pytest.raises(SystemExit) as leaving:
            call_command("resque_status", *words)
        assert leaving.value.code == 1
    shown, found = capsys.readouterr().out.rstrip().rpartition("\n")[::2]
    (worker,) = json.loads(found)["workers"]

    assert re.search(r"performing login from mail since \S+( \S+)*, then paused", shown)
    assert "mail: 1 waiting, all workers that listen are paused." in shown
    assert (worker["state"], worker["paused"]) == ("performing", True)
    assert (worker["memory"], worker["version"]) == (41_000_000, "0.1.0")
    assert worker["language"] == "Python"


def test_the_doctor_says_how_a_paused_worker_goes_on(store: Store) -> None:
    store.register("h:1:mail", ABOUT)
    advice = "A worker that was told to pause stays so until it is resumed on its page in the admin"
    before = [finding.text for finding in doctor.examine(store)]

    store.beat({"h:1:mail": replace(ABOUT, paused=True)})

    after = [finding.text for finding in doctor.examine(store)]
    assert [sum(advice in text for text in texts) for texts in (before, after)] == [0, 1]


@pytest.mark.parametrize(
    ("started", "language"),
    [
        ("2026-11-20 23:33:29 +0000", "Ruby"),
        ("2026-11-20T23:37:21+00:00", "PHP"),
        ("Fri Nov 20 23:39:19 UTC 2026", "PHP"),
        ("1795218688", "Node.js/Python"),
        ("yesterday", "another language"),
        (None, "another language"),
    ],
)
def test_the_language_of_a_worker_is_shown_as_far_as_its_start_tells(
    admin_client: Client, redis: Redis, started: str | None, language: str
) -> None:
    redis.sadd("resque:workers", "h:1:mail")
    if started:
        redis.set("resque:worker:h:1:mail:started", started)

    assert f"h:1:mail {language} waiting" in text(admin_client, WORKERS)
    assert f"Language {language}" in text(admin_client, f"{WORKERS}worker/?id=h:1:mail")


# The pages.


def button(found: str) -> tuple[str, dict[str, str]]:
    """Where the form to pause or resume on a page goes to, and what it sends."""
    form = re.search(
        r'<form method="post" action="([^"]+/(?:pause|resume)/)">(.*?)</form>', found, re.DOTALL
    )
    assert form
    sent = re.findall(r'name="(\w+)" value="([^"]*)"', form[2])
    return form[1], {html.unescape(name): html.unescape(value) for name, value in sent}


@pytest.mark.parametrize("url", [WORKERS, ONE_WORKER])
def test_a_worker_is_paused_and_resumed_from_its_pages(
    user_with: UserWith, store: Store, redis: Redis, url: str
) -> None:
    client = user_with("view", "control")
    fill(store)

    address, form = button(page(client, url))
    response = client.post(address, form, follow=True)

    assert address == PAUSE
    assert response.request["PATH_INFO"] == url.partition("?")[0]
    assert said(response) == [f"Asked the worker {WORKER} to pause: it takes no further job."]
    assert re.fullmatch(r"1 pause:[0-9a-f]{32}", orders(redis))
    assert LogEntry.objects.get().object_id == WORKER
    store.beat({WORKER: replace(ABOUT, paused=True)})
    assert "performing then paused" in text(client, url)

    address, form = button(page(client, url))
    response = client.post(address, form, follow=True)

    assert address == RESUME
    assert said(response) == [f"Asked the worker {WORKER} to go on: it takes jobs again."]
    assert re.fullmatch(r"1 resume:[0-9a-f]{32}", orders(redis))
    assert LogEntry.objects.count() == 2


@pytest.mark.parametrize("url", [PAUSE, RESUME])
def test_pausing_a_worker_needs_control_a_post_and_the_token(
    user_with: UserWith, store: Store, redis: Redis, url: str
) -> None:
    fill(store)
    form, before = {"id": WORKER, "birth": "1"}, dump(redis)

    answers = [
        user_with("view", "retry", "delete").post(url, form).status_code,
        user_with("view", "control", enforce_csrf_checks=True).post(url, form).status_code,
        user_with("view", "control").get(url, form).status_code,
    ]

    assert answers == [403, 403, 405]
    assert dump(redis) == before
    assert "/workers/pause/" not in page(user_with("view"), WORKERS)
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("url", [PAUSE, RESUME])
def test_only_the_very_worker_that_was_shown_is_paused(
    admin_client: Client, store: Store, redis: Redis, url: str
) -> None:
    fill(store)
    redis.sadd("resque:workers", "ruby:1:mail")
    strange = marked("nobody")

    answers = [
        said(admin_client.post(url, form, follow=True))[0]
        for form in (
            {"id": "ruby:1:mail", "birth": "1"},
            {"id": WORKER, "birth": "an earlier birth"},
            {"id": WORKER},
            {"id": strange, "birth": "1"},
            {},
        )
    ]

    assert answers[0] == "ruby:1:mail is no worker of django-resque: pause it where it runs."
    assert (
        answers[1]
        == answers[2]
        == (f"There is no worker {WORKER}: it has stopped, or was given up.")
    )
    assert answers[3] == f"There is no worker {strange}: it has stopped, or was given up."
    assert not redis.exists("resque:workers:orders")
    assert not LogEntry.objects.exists()
    assert "/workers/pause/" not in page(admin_client, f"{WORKERS}worker/?id=ruby:1:mail")


def test_what_a_worker_says_of_itself_comes_out_escaped(admin_client: Client, redis: Redis) -> None:
    worker_id = f"{marked('host')}:1:mail"
    about = {"machine": "m", "pid": 1, "birth": marked("birth"), "supervisor": 1}
    about |= {"supervisor_birth": "1", "version": "1", "paused": True, "memory": 5_000_000}
    redis.sadd("resque:workers", worker_id)
    redis.hset("resque:workers:lease", worker_id, "1")
    redis.hset("resque:workers:about", worker_id, json.dumps(about))

    found = page(admin_client, WORKERS)
    address, form = button(found)

    assert marked("birth") not in found
    assert marked("host") not in found
    assert (address, form["id"], form["birth"]) == (RESUME, worker_id, marked("birth"))
    assert "4.8 MB" in text(admin_client, WORKERS).replace("\xa0", " ")
