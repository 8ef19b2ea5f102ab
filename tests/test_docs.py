"""The documentation is true: its examples run, and what it lists is complete."""

import dataclasses
import importlib.util
import inspect
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, get_overloads

import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.dispatch import Signal
from redis import Redis

import django_resque
from django_resque import Job, Retry, enqueue_to, job, keys, monitor, queues, rows, rules, signals
from django_resque.about import About
from django_resque.failure import Failure
from django_resque.options import Options
from django_resque.outcome import Outcome
from django_resque.parcels import Parcel
from django_resque.store import Store, Take
from django_resque.wire import Payload, Reservation
from tests import examples
from tests.conftest import ROOT
from tests.project import jobs

DOCS = ROOT / "docs"

PAGES = sorted(DOCS.rglob("*.rst"))
TUTORIAL = DOCS / "tutorial.rst"
WITH_EXAMPLES = [
    page for page in PAGES if "code-block::" in page.read_text("utf-8") and page != TUTORIAL
]

COMMANDS = sorted(name for name, app in get_commands().items() if app == "django_resque")


def text(page: str) -> str:
    return (DOCS / page).read_text("utf-8")


@pytest.fixture(scope="module")
def generated() -> ModuleType:
    """docs/generated.py, which Sphinx imports."""
    spec = importlib.util.spec_from_file_location("generated", DOCS / "generated.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Examples.


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.stem)
def test_every_example_runs_in_a_new_project(page: Path, tmp_path: Path) -> None:
    examples.play(page, examples.project_in(tmp_path))


@pytest.mark.timeout(600)  # A dozen commands, one after the other.
def test_who_follows_the_tutorial_sees_the_jobs_in_the_admin(tmp_path: Path) -> None:
    """By Django's test client in the scratch project, for want of hands on a browser."""
    project = examples.project_in(tmp_path)
    examples.play(TUTORIAL, project)

    seen = examples.run(project, "python", "manage.py", "shell", "-v", "0", "-c", VISIT)

    assert json.loads(seen) == {
        "overview": True,
        "failures": True,
        "view": "waiting",
        "queue": True,
    }


VISIT = """
import json
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
client = Client(SERVER_NAME="localhost")
client.force_login(User.objects.create_superuser("ada"))
job = client.get("/welcome/Grace/").json()["job"]
pages = {name: client.get(reverse(f"admin:django_resque_{name}"), query).content.decode() for
    name, query in [("overview", {}), ("failures", {}), ("queue", {"name": "default"})]}
print(json.dumps({
    "overview": "default: 1 waiting, and no worker listens to it" in pages["overview"],
    "failures": "No failures." in pages["failures"],
    "view": client.get(f"/progress/{job}/").json()["status"],
    "queue": "Grace" in pages["queue"],
}))
"""


@pytest.mark.parametrize("page", [ROOT / "README.rst", *PAGES], ids=lambda page: page.stem)
def test_every_command_and_setting_that_is_named_exists(page: Path) -> None:
    words = page.read_text("utf-8")

    for literal in re.findall(r"``((?:python manage\.py )?resque_[^`]*)``", words):
        examples.check_commands(" ".join(literal.split()))
    assert set(re.findall(r"RESQUE\[[\"'](\w+)[\"']\]", words)) <= rules.RULES.keys()


@pytest.mark.parametrize(
    "wrong", ["resque_works", "resque_work --queu=mail", "a && resque_stop --alll"]
)
def test_a_command_that_does_not_exist_is_noticed(wrong: str) -> None:
    with pytest.raises(AssertionError):
        examples.check_commands(wrong)


# The reference.


def test_every_command_is_in_the_reference() -> None:
    listed = re.findall(
        r"^\.\. generated:: command (\w+)$", text("reference/commands.rst"), re.MULTILINE
    )

    assert sorted(listed) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_is_in_the_reference(name: str, generated: ModuleType) -> None:
    parser = load_command_class("django_resque", name).create_parser("manage.py", name)
    flags = {flag for action in parser._actions for flag in action.option_strings}

    lines = "\n".join(generated.command(name))

    of_django = BaseCommand().create_parser("manage.py", "x")._option_string_actions.keys()
    assert flags - of_django
    for flag in flags - of_django:
        assert f"``{flag}" in lines


def test_every_setting_is_in_the_reference_with_its_default(generated: ModuleType) -> None:
    lines = "\n".join(generated.settings())

    assert ".. generated:: settings" in text("reference/settings.rst")
    assert re.findall(r"^``([A-Z_]+)``$", lines, re.MULTILINE) == list(rules.RULES)
    assert lines.count("Default:") == len(rules.RULES)


def test_every_key_is_in_the_reference(generated: ModuleType) -> None:
    members = {name for name in vars(keys.Keys) if not name.startswith("_")}
    members -= {"namespace", "delayed_name", "status_prefix"}  # Parts of names.

    lines = "\n".join(generated.key_table())

    assert ".. generated:: key_table" in text("reference/keys.rst")
    assert len(members) > 15
    for member in members:
        assert f"``{generated.key_name(member)}``" in lines
    assert lines.count("\n``") == len(members)


def test_every_name_of_the_package_is_in_the_reference() -> None:
    page = text("reference/api.rst")

    for name in set(django_resque.__all__) - {"__version__"}:
        assert re.search(rf"^\.\. auto\w+:: django_resque\.{name}$", page, re.MULTILINE), name
    assert ".. automodule:: django_resque.queues" in page
    assert all(function.__doc__ for function in vars(queues).values() if callable(function))


def test_every_signal_is_in_the_reference() -> None:
    source = Path(signals.__file__).read_text("utf-8")
    names = [name for name, value in vars(signals).items() if isinstance(value, Signal)]

    assert ".. automodule:: django_resque.signals" in text("reference/signals.rst")
    for name in names:
        assert re.search(rf"^#: .+\n{name} = ", source, re.MULTILINE), name


# The tables of the guides.


def table(page: str, heading: str) -> list[str]:
    """What stands in the first column of the first table under a heading."""
    part = text(page).partition(f"\n{heading}\n{'-' * len(heading)}\n")[2]
    rows = part.partition("\n==")[2].partition("\n\n")[0]
    return re.findall(r"^``(\w+)[`(]", rows, re.MULTILINE)


def test_the_table_of_attributes_is_complete() -> None:
    takes = inspect.signature(get_overloads(job)[1]).parameters

    assert sorted(table("jobs.rst", "Attributes")) == sorted(takes)


def test_the_table_of_hooks_is_complete() -> None:
    hooks = {
        name
        for name in (*vars(Job), "before_enqueue", "after_enqueue")
        if re.match(r"(before|around|after|on)_|set_up|tear_down|perform", name)
    }

    assert set(table("jobs.rst", "Hooks")) == hooks


def test_the_tables_of_options_and_of_retries_are_complete() -> None:
    options = [field.name for field in dataclasses.fields(Options)]
    retries = [field.name for field in dataclasses.fields(Retry)]

    assert table("enqueueing.rst", "Options") == options
    assert table("failures.rst", "Retries") == retries


# The wire.


WORKER = "web1:4711:mail"


def documented(heading: str) -> Any:
    part = text("reference/wire.rst").partition(f"\n{heading}\n---")[2]
    block = re.search(r"code-block:: json\n\n((?:    .*\n)+)", part)
    assert block
    return json.loads(block.group(1))


def fields(raw: Any) -> Any:
    """The names, in their order, of an object and of the objects in it."""
    if isinstance(raw, bytes):
        raw = json.loads(raw)
    return {name: fields(value) for name, value in raw.items()} if isinstance(raw, dict) else None


@pytest.mark.django_db(transaction=True)
def test_the_documented_fields_are_those_in_redis(store: Store, redis: Redis) -> None:
    found: dict[str, Any] = {}
    handle = enqueue_to("mail", "Unknown", 7)
    found["A payload"] = redis.lindex("resque:queue:mail", 0)
    found["A status"] = redis.get(f"resque:job:{handle.id}:status")
    jobs.Sleep.options(at=datetime(2040, 1, 1, tzinfo=UTC)).enqueue("trace", 1.0)
    found["A delayed job"] = redis.lindex("resque:delayed:2208988800", 0)
    assert store.register(WORKER, About("web1", 4711, "1", 6, "0", "0.1.0")) is None
    held = store.reserve(Take.new(WORKER, ["mail"]))
    assert isinstance(held, Reservation)
    found["A record"] = redis.get(f"resque:worker:{WORKER}")
    store.settle(held, Outcome(failure=Failure.of(ValueError("no"), held, 1795218688.0)))
    found["A failure"] = redis.lindex("resque:failed", 0)

    for heading, raw in found.items():
        shown, real = fields(documented(heading)), fields(raw)
        assert (heading, json.dumps(shown)) == (heading, json.dumps(real))


# The JSON of resque_status.


def test_every_field_of_the_status_is_documented(store: Store) -> None:
    """Of an overview, of its parts, and of a job."""
    page = text("reference/commands.rst")
    assert store.register(WORKER, About("web1", 4711, "1", 6, "0", "0.1.0")) is None
    store.push([Parcel("mail", Payload.new("X", [], "0" * 32, 1.0))])
    seen = rows.overview_fields(monitor.overview(store))

    names = {*seen, *seen["counts"], *seen["delayed"], *seen["queues"][0], *seen["workers"][0]}
    names |= set(rows.status_fields(None))
    assert len(names) > 25
    assert [name for name in names if f"``{name}``" not in page] == []
