"""The page of numbers over time, and where the pace of queues is shown."""

import html
import json
import re
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings
from redis import Redis

from django_resque import figures
from django_resque.figures import FAILED, PROCESSED, RETRIED, RUNS, WAITS
from django_resque.store import Store
from tests.conftest import UserWith
from tests.test_admin import dump, marked, page, text
from tests.test_figures import MAIL, record

pytestmark = pytest.mark.django_db

STATS = "/admin/django_resque/stats/"
OVERVIEW = "/admin/django_resque/overview/"
QUEUES = "/admin/django_resque/queues/"


def tally(processed: int, failed: int = 0, retried: int = 0) -> figures.Tally:
    """All waited 3 s and ran 20 ms."""
    waits, runs = WAITS + figures.bucket(3.0), RUNS + figures.bucket(0.02)
    counts = {PROCESSED: processed, FAILED: failed, RETRIED: retried}
    return {**counts, waits: processed, runs: processed}


def drawings(found: str) -> list[str]:
    return re.findall(r"<svg viewBox.*?</svg>", found, re.DOTALL)


@pytest.mark.parametrize("of", ["", "?of=day", "?of=nonsense"])
def test_viewers_see_charts_and_percentiles(user_with: UserWith, store: Store, of: str) -> None:
    record(store, (MAIL, tally(40, 2, 1)), (("mail", "shop.jobs.Remind"), tally(10)))

    found = text(user_with("view"), STATS + of)

    assert "mail all classes 50 2 (4.0 %) 1 3.4 s 3.4 s 3.4 s 19 ms 19 ms 19 ms" in found
    assert "mail shop.jobs.Mail 40 2 (5.0 %) 1 3.4 s" in found
    assert found.count("50 processed 2 failed, below the line") == 2
    assert "Full height: 50 processed, 2 failed a minute" in found
    assert "Full height: 50 processed, 2 failed an hour" in found
    assert ("Queues and classes, the last 24 hours" in found) == (of == "?of=day")
    assert "Failed in 24 hours 2" in text(user_with("view"), OVERVIEW)


def test_a_chart_is_drawn_and_told_without_script_and_style(
    admin_client: Client, store: Store
) -> None:
    record(store, (MAIL, tally(40, 2)))

    found = page(admin_client, STATS)

    hour, day = drawings(found)
    assert [drawing.count("<g>") for drawing in (hour, day)] == [60, 24]
    for drawing in (hour, day):
        assert 'role="img"' in drawing
        assert re.search(r"<title>[^<]*: 40 processed, 2 failed</title>", drawing)
        assert "40 processed, 2 of them failed" in drawing
        assert re.search(r'<rect class="resque-above" x="\d+" y="\d+"', drawing)
        for label in re.search(r'aria-labelledby="([^"]*)"', drawing)[1].split():  # type: ignore[index]  # it is there
            assert f'id="{label}"' in drawing
    assert 'style="' not in found.partition('id="content-start"')[2]
    assert not re.search(r"\son\w+=", hour + day)


def test_numbers_of_a_drawing_are_not_translated(
    admin_client: Client, store: Store, settings: Settings
) -> None:
    settings.USE_THOUSAND_SEPARATOR = True
    settings.LANGUAGE_CODE = "de"
    record(store, (MAIL, tally(40000, 2)))

    for drawing in drawings(page(admin_client, STATS)):
        assert all(
            number.isdecimal()
            for number in re.findall(r' (?:x|y|x1|x2|y1|y2|width|height)="([^"]*)"', drawing)
        )


def test_nothing_counted_is_said(admin_client: Client) -> None:
    found = text(admin_client, STATS)

    assert "Nothing was counted. Each resque_work records" in found
    assert "Nothing was processed." in found


def test_staff_without_permission_gets_no_numbers(user_with: UserWith) -> None:
    client = user_with("control", "delete", "retry")

    assert client.get(STATS).status_code == 403
    assert "stats" not in page(client, "/admin/")


@pytest.mark.parametrize("url", [STATS, OVERVIEW, QUEUES])
def test_the_page_of_numbers_only_reads(
    admin_client: Client, store: Store, redis: Redis, request: pytest.FixtureRequest, url: str
) -> None:
    for number in range(120):
        record(store, ((f"queue{number}", "X"), tally(3)))
    before = dump(redis)
    request.getfixturevalue("as_reader")
    sent: list[int] = request.getfixturevalue("round_trips")
    page(admin_client, url)  # Connects.
    sent.clear()

    page(admin_client, url)

    assert 1 <= len(sent) <= 5
    assert dump(redis) == before


def test_redis_away_is_a_page_of_its_own(admin_client: Client, settings: Settings) -> None:
    settings.RESQUE = {"URL": "redis://someone:hunter2@localhost:1/3"}

    found = text(admin_client, STATS, status=503)

    assert "Redis at redis://localhost:1/3 cannot be asked" in found


def test_markup_in_names_comes_out_escaped(admin_client: Client, store: Store) -> None:
    record(store, ((marked("queue"), marked("class")), tally(3)))

    found = page(admin_client, STATS)

    for each in ("queue", "class"):
        assert marked(each) not in found
        assert html.escape(marked(each)) in found


def test_a_name_that_is_not_utf8_is_shown(admin_client: Client, store: Store) -> None:
    record(store, (("\udcffmail", "\ud83d"), tally(3)))

    assert "\N{REPLACEMENT CHARACTER}mail" in text(admin_client, STATS)


@pytest.mark.parametrize("url", [OVERVIEW, QUEUES])
def test_the_pace_of_a_queue_is_shown(
    admin_client: Client, store: Store, redis: Redis, url: str
) -> None:
    record(store, (MAIL, tally(30000)))
    redis.sadd("resque:queues", "mail", "idle")
    redis.rpush("resque:queue:mail", *["{}"] * 600)
    redis.rpush("resque:queue:idle", "{}")

    found = text(admin_client, url)

    assert re.search(r"idle 1 (?:\N{EN DASH} )?0 \N{EN DASH} 0 \N{EN DASH}", found)
    assert re.search(r"mail 600 (?:\N{EN DASH} )?0 \N{EN DASH} [\d.,]+ \d+(\.\d)? m?s", found)


@pytest.mark.parametrize("url", [OVERVIEW, QUEUES])
def test_how_many_come_is_shown_and_that_a_queue_grows(
    admin_client: Client, store: Store, redis: Redis, url: str
) -> None:
    seconds, _ = redis.time()
    note = figures.Lengths(seconds - 300, {"grows": 0, "steady": 50, "nobodys": 0}, whole=True)
    redis.lpush("resque:figures:lengths", note.encode())
    redis.sadd("resque:queues", "grows", "steady", "nobodys", "left")
    redis.rpush("resque:queue:grows", *["{}"] * 600)
    redis.rpush("resque:queue:steady", *["{}"] * 50)
    redis.rpush("resque:queue:nobodys", *["{}"] * 10)
    record(store, (("steady", "X"), tally(30000)))

    found = text(admin_client, url)

    assert re.search(r"grows 600 (?:\N{EN DASH} )?0 120 0 grows by 120 a minute", found)
    assert re.search(r"nobodys 10 (?:\N{EN DASH} )?0 2.0 0 grows by 2.0 a minute", found)
    assert re.search(r"steady 50 (?:\N{EN DASH} )?0 ([\d.,]+) \1 \d+(\.\d)? m?s", found)
    assert re.search(r"left 0 0 0 0 0", found)


def told(capsys: pytest.CaptureFixture[str]) -> tuple[str, Any]:
    """What resque_status prints, and what it tells programs of the first queue."""
    for words in ([], ["--json"]):
        with pytest.raises(SystemExit):
            call_command("resque_status", *words)
    shown, found = capsys.readouterr().out.rstrip().rpartition("\n")[::2]
    return shown, json.loads(found)["queues"][0]


def test_the_command_says_the_pace_too(
    store: Store, redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    record(store, (MAIL, tally(30000)))
    redis.sadd("resque:queues", "mail")
    redis.rpush("resque:queue:mail", *["{}"] * 600)

    shown, queue = told(capsys)

    assert re.search(r"\nmail +600 +0  \d+\.\d a minute, drained in \d+ s\n", shown)
    assert queue["per_minute"] >= 30000 / 2
    assert queue["drain"] == pytest.approx(600 * 60 / queue["per_minute"], abs=0.2)
    assert queue["in_per_minute"] is None


def test_the_command_says_that_a_queue_grows(
    store: Store, redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds, _ = redis.time()
    redis.lpush("resque:figures:lengths", figures.Lengths(seconds - 300, {}, whole=True).encode())
    redis.sadd("resque:queues", "mail")
    redis.rpush("resque:queue:mail", *["{}"] * 600)

    shown, queue = told(capsys)

    assert re.search(r"\nmail +600 +0  grows by 1\d\d\.\d a minute\n", shown)
    assert queue["in_per_minute"] == pytest.approx(120, abs=3)
