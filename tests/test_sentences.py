"""What is wrong, in words: a rise in failures, older code, a Redis that may lose jobs."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from redis import Redis

from django_resque import doctor, findings, monitor, sources
from django_resque.about import About
from django_resque.registry import registry
from django_resque.store import Store
from django_resque.version import __version__
from tests.conftest import Farm, wait_for
from tests.test_admin import OVERVIEW, WORKER, text

pytestmark = pytest.mark.django_db

MINUTE = 60


def failed(redis: Redis, *ages: float) -> None:
    """Failures of these ages in seconds, the oldest first."""
    for age in sorted(ages, reverse=True):
        at = time.strftime("%Y/%m/%d %H:%M:%S UTC", time.gmtime(time.time() - age))
        redis.rpush("resque:failed", json.dumps({"failed_at": at, "payload": {"class": "X"}}))


def rise(store: Store) -> list[str]:
    return [each.text for each in monitor.overview(store).problems if "have failed" in each.text]


# A rise in failures.


def test_a_rise_in_failures_is_said(store: Store, redis: Redis, admin_client: Client) -> None:
    failed(redis, *range(0, 10 * MINUTE, 12))

    sentence = "At least 45 jobs have failed in the last 10 minutes, more than in the hour before."
    assert rise(store) == [sentence]
    assert sentence in text(admin_client, OVERVIEW)


def test_a_rise_is_said_beside_many_old_failures(store: Store, redis: Redis) -> None:
    failed(redis, *[7 * 24 * 3600] * 300, *range(0, 10 * MINUTE, 10))

    assert len(rise(store)) == 1


@pytest.mark.parametrize(
    "ages",
    [
        [],
        [1] * 19,
        range(0, 24 * 3600, 30),
        range(0, 3600, 5),
        [15 * MINUTE] * 300,
        [*[15 * MINUTE] * 300, *[1] * 40],
    ],
    ids=["none", "few", "as ever", "for an hour", "over", "fewer than before"],
)
def test_what_is_no_rise_is_not_said(store: Store, redis: Redis, ages: list[float]) -> None:
    failed(redis, *ages)

    assert rise(store) == []


def test_dates_that_cannot_be_read_are_no_rise(store: Store, redis: Redis) -> None:
    redis.rpush("resque:failed", *[b'{"failed_at":"soon"}', b"\xff", b"", b"[]"] * 50)

    assert rise(store) == []


# Older code.


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An importable app with jobs."""
    directory = tmp_path / "stall"
    (directory / "inner").mkdir(parents=True)
    for name in ("__init__", "jobs", "models", "inner/__init__", "inner/deep"):
        (directory / f"{name}.py").write_text(f"# {name}\n")
    monkeypatch.syspath_prepend(tmp_path)
    __import__("stall.jobs")
    yield directory
    for name in [name for name in sys.modules if name.partition(".")[0] == "stall"]:
        del sys.modules[name]


@pytest.mark.parametrize("file", ["jobs.py", "models.py", "inner/deep.py", "inner/new.py"])
def test_other_code_has_another_digest(package: Path, file: str) -> None:
    before = sources.digest(["stall.jobs"])

    (package / file).write_text("# changed")

    assert sources.digest(["stall.jobs"]) != before


@pytest.mark.parametrize("file", ["notes.txt", "migrations/0001.py", "tests/test_x.py", "js/x.py"])
def test_what_no_job_runs_does_not_count(package: Path, file: str) -> None:
    before = sources.digest(["stall.jobs"])

    (package / file).parent.mkdir(exist_ok=True)
    (package / file).write_text("# new")

    assert sources.digest(["stall.jobs"]) == before
    assert len(before) == 16


def test_the_place_of_the_code_does_not_count(package: Path, tmp_path: Path) -> None:
    before = sources.digest(["stall.jobs"])
    package.rename(tmp_path / "elsewhere")
    sys.modules["stall"].__path__ = [str(tmp_path / "elsewhere")]

    assert sources.digest(["stall.jobs"]) == before


def test_of_no_code_there_is_no_digest() -> None:
    assert sources.digest([]) == sources.digest(["no.such"]) == sources.digest(["sys"]) == ""


def test_a_worker_tells_which_code_it_runs(farm: Farm, store: Store) -> None:
    farm("resque_work")
    wait_for(store.about, "the worker")

    (about,) = store.about().values()

    assert about
    assert about.code == registry.code() != ""
    assert not [each for each in doctor.advice(store) if "restarted" in each.text]


def test_a_worker_with_other_code_is_said(store: Store, admin_client: Client) -> None:
    for number in range(5):
        about = About("machine", 7, "1", 6, "0", __version__, code="0123456789abcdef")
        store.register(f"web-1:{number}:mail", about)

    sentence = (
        "Not restarted since the last deploy? web-1:0:mail, web-1:1:mail, web-1:2:mail and 2 more: "
        "the code of the jobs is another there than here."
    )
    assert sentence in text(admin_client, OVERVIEW)
    assert sum(sentence in each.text for each in doctor.examine(store)) == 1


@pytest.mark.parametrize(("here", "there"), [("", "x"), ("x", ""), ("x", "x")])
def test_unknown_or_equal_code_is_not_said(here: str, there: str) -> None:
    raw = About("machine", 7, "1", 6, "0", __version__, code=there).encode()

    assert not [*findings.outdated({WORKER: raw}, __version__, here)]


# A Redis that may lose jobs.


@pytest.fixture
def configured(redis: Redis) -> Iterator[Redis]:
    yield redis
    redis.config_set("save", "")
    redis.config_set("maxmemory-policy", "noeviction")
    redis.config_set("maxmemory", "0")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("save", "", "Redis keeps nothing on disk: when it ends, all jobs are lost."),
        ("maxmemory-policy", "allkeys-lru", "Redis drops whole queues and records of running jobs"),
        ("maxmemory-policy", "volatile-ttl", "Redis drops statuses of jobs"),
        ("maxmemory", "1", "it refuses jobs. Find out what fills it"),
    ],
)
def test_the_overview_says_what_may_lose_or_refuse_jobs(
    admin_client: Client, configured: Redis, name: str, value: str, sentence: str
) -> None:
    configured.config_set("save", "3600 1000000")
    fine = text(admin_client, OVERVIEW)

    configured.config_set(name, value)

    assert "All is fine" in fine
    assert "snapshots" not in fine
    assert sentence in text(admin_client, OVERVIEW)


def test_a_user_who_may_not_ask_is_told_nothing(admin_client: Client, as_reader: None) -> None:
    assert "All is fine" in text(admin_client, OVERVIEW)
