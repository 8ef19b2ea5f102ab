"""The doctor: each of its sentences, provoked on a real Redis wherever a Redis can be made so."""

import io
import json
import re
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings
from redis import Redis

from django_resque import conf, doctor, enqueue_to, findings
from django_resque.about import About
from django_resque.store import Store
from django_resque.version import __version__
from example_project import redis_server
from tests.conftest import DEADLINE, Farm, wait_for
from tests.project import jobs

pytestmark = pytest.mark.django_db(transaction=True)

Servers = Callable[..., str]

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def servers() -> Iterator[Servers]:
    """Starts Redis servers with options of their own; answers the URL of their socket."""
    with ExitStack() as stack:

        def start(*options: str) -> str:
            directory = Path(tempfile.mkdtemp(prefix="rq"))
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
            return stack.enter_context(redis_server.running(directory, *options))

        yield start


def about(version: str) -> About:
    return About("elsewhere", 7, "1", 6, "0", version)


def texts(level: str, url: str = "") -> list[str]:
    """What the doctor says at this level, of the Redis there."""
    store = conf.new_store(conf.overridden({"URL": url} if url else {}))
    try:
        return [each.text for each in doctor.examine(store) if each.level == level]
    finally:
        store.redis.connection_pool.disconnect()


def check(*words: str) -> tuple[int, str]:
    """Exit code and output of the command."""
    stream = io.StringIO()
    try:
        call_command("resque_check", *words, stdout=stream, no_color=True)
    except SystemExit as leaving:
        return int(leaving.code or 0), stream.getvalue()
    return 0, stream.getvalue()


# The command


def test_when_all_is_fine_it_tells_what_it_looked_at(servers: Servers, settings: Settings) -> None:
    settings.RESQUE = {"URL": servers("--appendonly", "yes")}

    code, output = check()

    assert code == 0, output
    assert [line[:10] for line in output.splitlines()] == ["ok        "] * 10
    for part in (
        "The setting RESQUE has no mistake, and no configured cache shares its database.",
        " is new enough, and wakes workers at once (CLIENT TRACKING).",
        "Redis is no replica of another, so it takes jobs.",
        "Redis refuses writes when its memory is full, and drops no job.",
        " of its machine (it has no maxmemory).",
        "Redis writes an append-only file: jobs outlive its restart.",
        "A round trip to Redis takes ",
        "The clocks of this host and of Redis agree.",
        "Jobs are registered for the queues default, slow. No worker listens to default, slow, "
        "which matters once jobs wait there.",
        "Workers: 0 of django-resque with a heartbeat. Jobs: 0 waiting, 0 running.",
    ):
        assert f"{part}" in output


def test_quiet_prints_problems_only(servers: Servers, settings: Settings) -> None:
    settings.RESQUE = {"URL": servers("--appendonly", "yes")}

    assert check("--quiet") == (0, "")

    settings.RESQUE = {}
    assert check("--quiet") == (
        1,
        "warning   Redis keeps nothing on disk: when it ends, all jobs are lost. Set appendonly "
        "yes.\n",
    )


def test_json_is_one_line_with_the_worst_level(store: Store, redis: Redis) -> None:
    store.register("host:7:mail", about(__version__))
    redis.hset("resque:workers:lease", "host:7:mail", 1)

    code, output = check("--json")

    assert code == 2
    assert output.count("\n") == 1
    told = json.loads(output)
    assert told["level"] == "critical"
    assert {each["level"] for each in told["findings"]} == {"ok", "warning", "critical"}
    assert all(each.keys() == {"level", "text"} for each in told["findings"])
    assert [each["level"] for each in json.loads(check("--json", "--quiet")[1])["findings"]] == [
        "warning",
        "critical",
        "critical",
    ]


def test_as_an_operator_runs_it(farm: Farm) -> None:
    command = farm("resque_check")

    assert command.ends() == 1, command.output
    assert command.output.startswith("ok        The setting RESQUE has no mistake")
    assert "\nwarning   Redis keeps nothing on disk" in command.output


def test_a_wrong_flag_has_a_code_of_its_own(farm: Farm) -> None:
    command = farm("resque_check", "--qiet")

    assert command.ends() == 3
    assert "unrecognized arguments: --qiet" in command.output


def test_ctrl_c_while_redis_hangs_is_one_sentence(farm: Farm, redis_directory: Path) -> None:
    path = redis_directory / "hangs.sock"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen()
        door.settimeout(DEADLINE)
        command = farm("resque_check", REDIS_URL=f"unix://{path}")
        client, _ = door.accept()
        with client:
            command.send(signal.SIGINT)

            assert command.ends() == 2
            # What may follow are warnings that redis-py left its socket open.
            assert command.output.startswith(
                "CommandError: Interrupted before Redis had answered.\n"
            )
            assert "Traceback" not in command.output


def test_what_comes_from_redis_does_not_steer_the_terminal(redis: Redis) -> None:
    redis.sadd("resque:queues", "a\x1b[2Jb\nc")
    redis.rpush("resque:queue:a\x1b[2Jb\nc", "{}")

    _, output = check()

    assert "\x1b" not in output
    assert "warning   a\\x1b[2Jb\\nc: 1 waiting, and no worker listens to it" in output


def test_every_flag_is_in_the_readme() -> None:
    readme = (Path(__file__).parent.parent / "README.rst").read_text("utf-8")
    section = readme.partition("\n``resque_check`` is a doctor.")[2].partition("\n\n\n")[0]

    assert "``--json``" in section
    assert "``--quiet``" in section


# Settings


def test_a_mistake_in_the_settings_is_critical_and_redis_is_not_asked(settings: Settings) -> None:
    settings.RESQUE = {"COUNT": 0, "URL": "unix:///no/redis.sock"}

    code, output = check()

    assert code == 2
    assert output == (
        "critical  RESQUE['COUNT'] must be a whole number above 0, not 0. (django_resque.E001)\n"
    )


def test_a_mistake_in_the_settings_is_a_finding_like_the_others(farm: Farm) -> None:
    """And not what Django prints when a command asks for its checks."""
    command = farm("resque_check", "--json", REDIS_URL="nonsense")

    assert command.ends() == 2
    (finding,) = json.loads(command.output)["findings"]
    assert finding["level"] == "critical"
    assert finding["text"].startswith("$REDIS_URL is no address of a Redis. ")


def test_a_setting_that_nobody_reads_is_a_warning(settings: Settings) -> None:
    settings.RESQUE = {"QEUES": ["mail"]}

    code, output = check()

    assert code == 1
    first, second = output.splitlines()[:2]
    assert first == (
        "warning   RESQUE['QEUES'] is not a setting of django-resque. Did you mean 'QUEUES'? "
        "(django_resque.W001)"
    )
    assert second.startswith(("ok        Redis ", "ok        Valkey "))


def test_jobs_in_the_database_of_a_cache_are_a_warning(settings: Settings, redis_url: str) -> None:
    settings.CACHES = {
        "default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": redis_url}
    }

    code, output = check()

    assert code == 1
    assert "the database of the cache 'default': its clear() would delete them." in output
    assert output.startswith("warning   Jobs are kept in ")


def test_what_is_silenced_is_not_repeated_and_not_denied(
    settings: Settings, redis_url: str
) -> None:
    settings.SILENCED_SYSTEM_CHECKS = ["django_resque.W002"]
    settings.CACHES = {
        "default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": redis_url}
    }

    (finding,) = doctor.settings()

    assert finding == findings.Finding(
        "ok", "The setting RESQUE has no mistake that is not silenced (django_resque.W002)."
    )


def test_a_mistake_that_is_silenced_is_still_one_sentence(settings: Settings) -> None:
    settings.SILENCED_SYSTEM_CHECKS = ["django_resque.E001"]
    settings.RESQUE = {"COUNT": 0}

    with pytest.raises(CommandError, match="must be a whole number above 0") as caught:
        check()
    assert caught.value.returncode == 3


# Redis that cannot be used


def test_a_redis_that_is_away_is_critical(settings: Settings) -> None:
    settings.RESQUE = {"URL": "unix:///no/redis.sock"}

    code, output = check()

    assert code == 2
    _, critical, last = output.splitlines()
    assert critical.startswith("critical  Redis at unix:///no/redis.sock?db=0 does not answer (")
    assert critical.endswith(
        "): no job can be enqueued or performed. Start it, or correct RESQUE['URL'] or $REDIS_URL."
    )
    assert last == "ok        Jobs are registered for the queues default, slow."


@pytest.mark.parametrize("password", ["wrong@", ""])
def test_a_wrong_password_or_none_is_critical_and_not_shown(
    servers: Servers, password: str
) -> None:
    url = servers()
    path = url.removeprefix("unix://")
    with Redis.from_url(url) as redis:
        redis.config_set("requirepass", "right")

    (text,) = texts("critical", f"unix://default:{password}{path}" if password else url)

    assert text.startswith(f"Redis at unix://{path}?db=0 refuses the user name or password (")
    assert text.endswith(
        "Correct them in RESQUE['URL'], in the cache of RESQUE['CACHE'], or in $REDIS_URL."
    )
    assert "wrong@" not in text


def test_a_database_that_is_not_there_is_critical(redis_url: str) -> None:
    (text,) = texts("critical", f"{redis_url}?db=999")

    assert "?db=999 cannot be used: DB index is out of range. Correct RESQUE['URL']" in text


def test_a_user_who_may_read_nothing_is_critical(redis: Redis, redis_url: str) -> None:
    redis.acl_setuser("nobody", enabled=True, nopass=True, keys="*", commands=["+@connection"])
    try:
        (text,) = texts("critical", redis_url.replace("unix://", "unix://nobody:x@"))
    finally:
        redis.acl_deluser("nobody")

    assert " cannot be used: " in text
    assert text.endswith("or what its user is allowed.")


def test_what_a_reading_user_may_not_ask_is_unknown_and_no_problem(
    redis: Redis, redis_url: str, settings: Settings, store: Store
) -> None:
    store.register("host:7:default,slow", about(__version__))
    redis.acl_setuser(
        "looker", enabled=True, nopass=True, keys="*", commands=["+@read", "+@connection"]
    )
    settings.RESQUE = {"URL": redis_url.replace("unix://", "unix://looker:x@")}
    try:
        code, output = check()
        quiet = check("--quiet")
    finally:
        redis.acl_deluser("looker")

    path = redis_url.removeprefix("unix://")
    assert code == 0, output
    assert [line for line in output.splitlines() if not line.startswith("ok ")] == [
        "unknown   The version, role, memory and persistence of Redis at "
        f"unix://{path}?db=0: to be told, grant its user +info and +config|get.",
        "unknown   The clock of Redis. To be told, grant its user +time.",
    ]
    assert "Workers: 1 of django-resque with a heartbeat." in output
    assert quiet == (0, "")


def test_a_provider_that_hides_the_configuration_leaves_snapshots_unknown(servers: Servers) -> None:
    (text,) = texts("unknown", servers("--rename-command", "CONFIG", ""))

    assert text == (
        "Whether Redis saves snapshots; it writes no append-only file. To be told, grant its user "
        "+config|get. To lose no job when it dies, set appendonly yes."
    )


# Redis that is not fit


@pytest.mark.parametrize(
    ("told", "level", "sentence"),
    [
        (
            {"redis_version": "6.0.9"},
            "warning",
            "Redis 6.0.9 at here is too old: nothing is promised below 6.2. Upgrade it.",
        ),
        (
            {"redis_version": "5.0.14"},
            "warning",
            "Redis 5.0.14 at here is too old: nothing is promised below 6.2. It cannot wake "
            "workers: they look each INTERVAL. Upgrade it.",
        ),
        ({"redis_version": "6.2.0"}, "ok", "Redis 6.2.0 at here is new enough,"),
        ({"redis_version": "10.0.1"}, "ok", "Redis 10.0.1 at here is new enough,"),
        (
            {"redis_version": "7.2.4", "valkey_version": "8.1.0"},
            "ok",
            "Valkey 8.1.0 at here is new enough,",
        ),
        ({}, "unknown", "What answers at here does not tell its version."),
        ({"redis_version": "9" * 5000}, "unknown", "What answers at here does not tell"),
    ],
)
def test_an_old_redis_is_a_warning(told: dict[str, str], level: str, sentence: str) -> None:
    finding = findings.version("here", told)

    assert finding.level == level
    assert finding.text.startswith(sentence)


def test_a_replica_is_critical(servers: Servers) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    servers("--port", str(port))
    url = servers("--replicaof", "127.0.0.1", str(port))
    with Redis.from_url(url) as redis:
        wait_for(lambda: redis.info()["master_link_status"] == "up", "the replica")

    assert texts("critical", url) == [
        f"Redis is a replica of 127.0.0.1:{port}: it refuses jobs, or loses them when it next "
        "copies its master. Name the master in RESQUE['URL']."
    ]


@pytest.mark.parametrize(
    ("policy", "lost"),
    [
        ("allkeys-lru", "whole queues and records of running jobs"),
        ("volatile-ttl", "statuses of jobs, and what keeps a repeated enqueue from doubling one"),
    ],
)
def test_a_redis_that_drops_keys_is_a_warning(servers: Servers, policy: str, lost: str) -> None:
    url = servers("--maxmemory-policy", policy, "--appendonly", "yes")

    assert texts("warning", url) == [
        f"Redis drops {lost}, when its memory is full (maxmemory-policy {policy}). Set "
        "maxmemory-policy noeviction, and let caches live in another Redis."
    ]


def test_a_policy_that_is_not_told_is_unknown() -> None:
    assert findings.eviction({}).level == "unknown"


def fill(url: str, share: float) -> None:
    """Bound a Redis so that it uses this share of its memory."""
    with Redis.from_url(url) as redis:
        for number in range(200):
            redis.set(f"ballast {number}", b"x" * 100_000)
        used = redis.info()["used_memory"] - redis.info()["mem_not_counted_for_evict"]
        redis.config_set("maxmemory", int(used / share))


def test_a_redis_with_memory_left_is_fine(servers: Servers) -> None:
    url = servers()
    fill(url, 0.5)

    (text,) = [text for text in texts("ok", url) if "maxmemory" in text]
    assert text.startswith("Redis uses 2")
    assert "MB, 50% of the 4" in text
    assert text.endswith(" MB of maxmemory.")


def test_a_redis_that_is_nearly_full_is_a_warning(servers: Servers) -> None:
    url = servers("--appendonly", "yes")
    fill(url, 0.95)

    (text,) = texts("warning", url)

    assert "MB, 95% of the 2" in text
    assert text.endswith(
        "of maxmemory: soon it refuses jobs, or drops keys. Find out what fills it, or give it "
        "more."
    )


def test_a_redis_that_is_full_is_critical(servers: Servers) -> None:
    url = servers("--appendonly", "yes")
    fill(url, 1.1)

    (text,) = texts("critical", url)

    assert re.match(r"Redis uses \d+ MB, 1[01]\d% of the \d+ MB of maxmemory", text), text
    assert text.endswith("of maxmemory: it refuses jobs. Find out what fills it, or give it more.")


def test_a_full_redis_that_drops_keys_does_not_refuse_them() -> None:
    info = {"used_memory": 100, "maxmemory": 100, "maxmemory_policy": "allkeys-lru"}

    assert findings.memory(info).level == "warning"


def test_memory_that_redis_does_not_hold_against_its_limit_does_not_count() -> None:
    info = {"used_memory": 95, "mem_not_counted_for_evict": 10, "maxmemory": 100}

    assert findings.memory(info).level == "ok"


def test_without_a_limit_the_machine_is_one() -> None:
    machine = {"maxmemory": 0, "total_system_memory": 2**30}

    assert findings.memory({**machine, "used_memory": 2**29}) == findings.Finding(
        "ok", "Redis uses 512 MB, 50% of the 1024 MB of its machine (it has no maxmemory)."
    )
    assert findings.memory({**machine, "used_memory": 2**30 - 2**20}).level == "warning"
    assert findings.memory({"used_memory": 2**20}) == findings.Finding(
        "unknown", "How much memory is left: Redis uses 1 MB."
    )


def test_a_redis_that_keeps_nothing_is_a_warning(servers: Servers) -> None:
    assert texts("warning", servers()) == [
        "Redis keeps nothing on disk: when it ends, all jobs are lost. Set appendonly yes."
    ]


def test_snapshots_alone_are_a_warning(servers: Servers) -> None:
    assert texts("warning", servers("--save", "3600", "1")) == [
        "Redis saves snapshots only: when it dies, the jobs since the last one are lost. Set "
        "appendonly yes."
    ]


def test_a_disk_that_cannot_be_written_is_critical(servers: Servers, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    url = servers("--save", "3600", "1", "--dir", str(tmp_path / "data"))
    shutil.rmtree(tmp_path / "data")
    with Redis.from_url(url) as redis:
        redis.bgsave()
        wait_for(lambda: redis.info()["rdb_last_bgsave_status"] == "err", "the failed snapshot")

    assert texts("critical", url) == [
        "Redis could not write to its disk the last time it tried, and then it refuses jobs. Read "
        "its log; is the disk full, or its directory not writable?"
    ]
    with Redis.from_url(url) as redis:
        redis.config_set("save", "")  # Or it would not end.


def test_a_failed_snapshot_that_nobody_waits_for_is_no_problem(
    servers: Servers, tmp_path: Path
) -> None:
    """Redis goes on taking jobs if it was not told to save."""
    (tmp_path / "data").mkdir()
    url = servers("--dir", str(tmp_path / "data"))
    shutil.rmtree(tmp_path / "data")
    with Redis.from_url(url) as redis:
        redis.bgsave()
        wait_for(lambda: redis.info()["rdb_last_bgsave_status"] == "err", "the failed snapshot")
        redis.set("taken", 1)

    assert texts("critical", url) == []


def test_an_append_only_file_that_cannot_be_written_is_critical() -> None:
    info = {"aof_enabled": 1, "aof_last_write_status": "err"}

    assert findings.persistence(info, "").level == "critical"


@dataclass
class Relay:
    """The Redis of the tests, 30 ms away, for one connection."""

    url: str
    requests: list[bytes]  #: What came in at once.


@pytest.fixture
def relay(redis_url: str) -> Iterator[Relay]:
    directory = Path(tempfile.mkdtemp(prefix="rq"))
    relay = Relay(f"unix://{directory / 'slow.sock'}", [])
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(directory / "slow.sock"))
        door.listen()
        door.settimeout(DEADLINE)  # For a test that fails before it connects.
        words = (door, redis_url.removeprefix("unix://"), relay.requests)
        thread = threading.Thread(target=_relay, args=words)
        thread.start()
        yield relay
    thread.join()
    shutil.rmtree(directory)


def _relay(door: socket.socket, path: str, requests: list[bytes]) -> None:
    client, _ = door.accept()
    with client, socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        answering = threading.Thread(target=_pass_on, args=(server, client, 0.0, []))
        answering.start()
        _pass_on(client, server, 0.03, requests)
        server.shutdown(socket.SHUT_WR)
        answering.join()


def _pass_on(
    source: socket.socket, target: socket.socket, delay: float, passed: list[bytes]
) -> None:
    while data := source.recv(65536):
        passed.append(data)
        time.sleep(delay)
        target.sendall(data)


def test_a_redis_far_away_is_a_warning(relay: Relay) -> None:
    (text,) = [text for text in texts("warning", relay.url) if "round trip" in text]

    assert text.startswith("A round trip to Redis takes 3")
    assert text.endswith(
        " jobs a second at most. Let workers run near Redis, and see whether it is busy (SLOWLOG "
        "GET)."
    )


@pytest.mark.parametrize(
    ("ahead", "words"), [(90.0, "90 s ahead of that of Redis"), (-5.4, "5 s behind that of Redis")]
)
def test_clocks_that_differ_are_a_warning(ahead: float, words: str) -> None:
    finding = findings.clock(NOON + timedelta(seconds=ahead), NOON)

    assert finding == findings.Finding(
        "warning",
        f"The clock of this host is {words}: delayed jobs come early or late by as much. Let both "
        "keep time by NTP.",
    )


@pytest.mark.parametrize("ahead", [0.0, 0.9, -0.9])
def test_clocks_that_hardly_differ_are_fine(ahead: float) -> None:
    assert findings.clock(NOON + timedelta(seconds=ahead), NOON).level == "ok"


# Jobs and workers


def test_a_project_without_jobs_is_a_warning(farm: Farm, tmp_path: Path) -> None:
    (tmp_path / "jobless.py").write_text(
        'SECRET_KEY = "x"\nINSTALLED_APPS = ["django_resque"]\n', "utf-8"
    )

    command = farm(
        "resque_check", DJANGO_SETTINGS_MODULE="jobless", PYTHONPATH=f"{tmp_path}:{Path.cwd()}"
    )

    assert command.ends() == 1, command.output
    assert (
        "warning   No job is registered, so workers of this project fail every job as unknown. "
        "Define jobs in a module jobs.py of an installed app.\n"
    ) in command.output


def test_the_queues_of_registered_jobs_are_held_against_the_workers(store: Store) -> None:
    store.register("host:7:slow,mail", about(__version__))

    assert (
        "Jobs are registered for the queues default, slow. No worker listens to default, which "
        "matters once jobs wait there."
    ) in texts("ok")

    store.register("host:8:*", about(__version__))

    assert (
        "Jobs are registered for the queues default, slow, and workers listen to each of them."
    ) in texts("ok")


def test_jobs_that_nobody_works_are_a_warning_with_the_nearest_name(store: Store) -> None:
    store.register("host:7:mial", about(__version__))
    enqueue_to("mail", jobs.untracked)

    code, output = check("--quiet")

    assert code == 1
    assert "mail: 1 waiting, and no worker listens to it" in output
    assert "did you mean 'mial'?" in output
    assert (
        "warning   Jobs to which no worker listens wait for ever. Start resque_work with --queue "
        "and the name, or correct the name in the job or in RESQUE['QUEUES'].\n"
    ) in output


def test_silent_workers_are_critical(store: Store, redis: Redis) -> None:
    store.register("host:7:mail", about(__version__))
    store.register("host:8:mail", about(__version__))
    redis.hset("resque:workers:lease", "host:7:mail", 1)

    first, second = texts("critical")

    assert first.startswith("Worker host:7:mail has been silent for ")
    assert second == (
        "The jobs of silent workers come back when a resque_work, of any queues, has watched "
        "their silence for 15 s. See that one runs, and what became of their host."
    )
    assert "Workers: 1 of django-resque with a heartbeat. Jobs: 0 waiting, 0 running." in texts(
        "ok"
    )


def test_workers_of_other_languages_are_counted_by_themselves(redis: Redis) -> None:
    redis.sadd("resque:workers", "ruby:7:mail")

    assert (
        "Workers: 0 of django-resque with a heartbeat, 1 of other languages. Jobs: 0 waiting, "
        "0 running."
    ) in texts("ok")


@pytest.mark.parametrize("everything", [True, False])
def test_a_pause_is_a_warning_that_says_how_to_end_it(store: Store, everything: bool) -> None:
    if everything:
        store.pause_all()
    else:
        store.pause("mail", by="ada")

    found = texts("warning")

    assert found[-2].startswith("All workers are paused" if everything else "mail is paused by ada")
    assert found[-1] == (
        "What is paused stays paused, also when workers are restarted. If that was forgotten, use "
        "resque_queues resume with the name, or with '*' for all workers."
    )


def test_workers_of_an_older_version_are_a_warning(store: Store) -> None:
    for number in range(1, 6):
        store.register(f"host:{number}:mail", about("0.0.9"))
    store.register("host:6:mail", about(__version__))
    store.register("host:7:mail", about("99.0"))

    assert texts("warning")[-1] == (
        "Not restarted since the last deploy: host:1:mail, host:2:mail, host:3:mail and 2 more "
        f"still with django-resque 0.0.9, while here it is {__version__}. Restart resque_work "
        "there."
    )
    assert sum("Not restarted" in text for text in texts("warning")) == 1


@pytest.mark.parametrize(
    "raw", ["", "no JSON", "[]", "7", '{"version": null}', '{"version": "x"}', '{"version": []}']
)
def test_what_a_worker_says_of_itself_need_not_be_readable(redis: Redis, raw: str) -> None:
    redis.hset("resque:workers:about", "host:1:mail", raw)

    assert not any("Not restarted" in text for text in texts("warning"))


def test_version_numbers_are_compared_as_numbers() -> None:
    old = '{"version": "0.9.0"}'

    assert [*findings.outdated({"w": old}, "0.10.0")]
    assert not [*findings.outdated({"w": old}, "0.9.0")]


def test_a_key_of_the_wrong_type_does_not_stop_the_doctor(redis: Redis) -> None:
    redis.set("resque:workers:about", "no hash")

    assert texts("critical") == []
    assert any("Workers: 0 of django-resque" in text for text in texts("ok"))


def test_the_doctor_needs_few_round_trips(relay: Relay, store: Store) -> None:
    for number in range(3):  # Of more, redis-py sends the commands in several pieces.
        store.register(f"host:{number}:mail", about(__version__))
        enqueue_to(f"queue{number}", jobs.untracked)
    far = conf.new_store(conf.overridden({"URL": relay.url}))
    far.redis.ping()
    relay.requests.clear()

    doctor.examine(far)

    far.redis.connection_pool.disconnect()
    assert len(relay.requests) == 6


def test_the_doctor_writes_nothing(servers: Servers, settings: Settings) -> None:
    settings.RESQUE = {"URL": servers()}

    check()

    with Redis.from_url(settings.RESQUE["URL"]) as redis:
        assert redis.info()["rdb_changes_since_last_save"] == 0
