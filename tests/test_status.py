"""resque_status: what it shows to people and to programs, once and again and again."""

import io
import json
import os
import pty
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from redis import Redis
from redis.connection import UnixDomainSocketConnection

from django_resque import enqueue, enqueue_at, enqueue_to
from django_resque.about import About
from django_resque.store import Store, Take
from example_project import redis_server
from tests.conftest import DEADLINE, ROOT, WARNINGS, Farm
from tests.project import jobs

pytestmark = pytest.mark.django_db(transaction=True)

NOBODY = About("elsewhere", 7, "1", 6, "0", "0.1.0")

#: Of a queue of which nobody has lately ended a job.
NO_PACE = {"per_minute": 0.0, "drain": None, "in_per_minute": None}

AWAY = "unix:///no/redis.sock"


def status(*words: str) -> tuple[int, str]:
    """Exit code and output."""
    output = io.StringIO()
    code: Any = 0
    try:
        call_command("resque_status", *words, stdout=output)
    except SystemExit as leaving:
        code = leaving.code
    return code, output.getvalue()


def fields(*words: str) -> Any:
    """What the one line of JSON says."""
    _, output = status(*words, "--json")
    assert output.count("\n") == 1
    return json.loads(output)


# For programs


def test_an_empty_farm_has_every_field() -> None:
    code, output = status("--json")

    assert code == 0
    assert json.loads(output) == {
        "level": "fine",
        "problems": [],
        "counts": {"waiting": 0, "running": 0, "failures": 0, "processed": 0, "failed": 0},
        "delayed": {"count": 0, "exact": True, "due": None},
        "paused": False,
        "queues": [],
        "workers": [],
    }


def test_a_busy_farm_as_programs_see_it(store: Store, redis: Redis) -> None:
    store.register("host:7:mail,low", NOBODY)
    redis.sadd("resque:workers", "ruby:x:low")
    handle = enqueue_to("mail", jobs.note, "path")
    enqueue_to("low", jobs.untracked)
    store.reserve(Take.new("host:7:mail,low", ["mail"]))
    redis.set("resque:stat:processed:host:7:mail,low", 12)
    redis.set("resque:stat:failed:host:7:mail,low", 2)
    store.pause("low", by="ada")

    found = fields()

    since = datetime.fromisoformat(found["workers"][0].pop("since"))
    started = datetime.fromisoformat(found["workers"][0].pop("started"))
    beat_age = found["workers"][0].pop("beat_age")
    (problem,) = found.pop("problems")
    assert datetime.now(UTC) - timedelta(minutes=1) < started <= since
    assert 0 <= beat_age < 60
    assert problem["level"] == "warning"
    assert problem["text"].startswith("low is paused by ada since ")
    assert found["level"] == "warning"
    assert found["counts"]["waiting"] == found["counts"]["running"] == 1
    assert found["queues"] == [
        {"name": "low", "size": 1, "workers": 2, "paused": True, **NO_PACE},
        {"name": "mail", "size": 0, "workers": 1, "paused": False, **NO_PACE},
    ]
    ours, theirs = found["workers"]
    assert ours == {
        "id": "host:7:mail,low",
        "host": "host",
        "pid": 7,
        "queues": ["mail", "low"],
        "ours": True,
        "state": "performing",
        "job": "tests.project.jobs.note",
        "job_id": handle.id,
        "queue": "mail",
        "processed": 12,
        "failed": 2,
        "paused": False,
        "memory": None,
        "language": "Python",
        "version": "0.1.0",
    }
    assert theirs == {
        "id": "ruby:x:low",
        "host": "ruby",
        "pid": None,
        "queues": ["low"],
        "ours": False,
        "state": "waiting",
        "job": None,
        "job_id": None,
        "queue": None,
        "since": None,
        "started": None,
        "processed": 0,
        "failed": 0,
        "beat_age": None,
        "paused": False,
        "memory": None,
        "language": None,
        "version": None,
    }


def test_instants_are_iso_8601_in_utc(store: Store) -> None:
    store.register("host:7:mail", NOBODY)
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    enqueue_at(due, jobs.untracked)

    found = fields()

    assert found["delayed"] == {
        "count": 1,
        "exact": True,
        "due": due.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    assert found["workers"][0]["started"].endswith("Z")


def test_the_states_of_workers(store: Store, redis: Redis) -> None:
    for queue in ("waits", "pauses", "sleeps", "told"):
        store.register(f"host:7:{queue}", replace(NOBODY, paused=queue == "told"))
    store.pause("pauses", by="ada")
    redis.hset("resque:workers:lease", "host:7:sleeps", 1)

    found = fields()
    store.pause_all()
    after = fields()

    assert [row["state"] for row in found["workers"]] == ["paused", "silent", "paused", "waiting"]
    assert found["level"] == "critical"
    assert [row["state"] for row in after["workers"]] == ["paused", "silent", "paused", "paused"]
    assert (found["paused"], after["paused"]) == (False, True)


def test_a_redis_that_is_away_is_told_to_programs_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", AWAY)

    code, output = status("--json")
    found = json.loads(output)

    assert code == 2
    assert found["level"] == "critical"
    (problem,) = found["problems"]
    assert problem["text"].startswith(f"Redis at {AWAY}?db=0 cannot be asked: ")
    assert {name for name, value in found.items() if value is None} == {
        "counts",
        "delayed",
        "paused",
        "queues",
        "workers",
    }


def test_json_is_ascii_and_readable_by_everyone(redis: Redis) -> None:
    redis.sadd("resque:queues", "caf\u00e9", b"\xff")

    _, output = status("--json")

    assert output.isascii()
    assert [row["name"] for row in json.loads(output)["queues"]] == ["caf\u00e9", "\ufffd"]


def test_a_job_as_programs_see_it(store: Store) -> None:
    store.register("host:7:default", NOBODY)
    handle = enqueue(jobs.note, "path")

    waiting = fields(handle.id, "--once")
    store.reserve(Take.new("host:7:default", ["default"]))
    running = fields(handle.id, "--once")

    assert waiting.keys() == {"id", "status", "code", "enqueued", "updated", "result"}
    assert (waiting["id"], waiting["status"], waiting["code"]) == (handle.id, "waiting", 1)
    assert (running["status"], running["code"], running["result"]) == ("running", 2, None)
    assert datetime.fromisoformat(running["enqueued"]) <= datetime.fromisoformat(running["updated"])


def test_a_followed_job_is_a_line_for_each_look(redis: Redis) -> None:
    redis.set("resque:job:1:status", '{"status":4,"updated":9,"started":8,"result":{"a":[1]}}')
    redis.set("resque:job:2:status", '{"status":3,"updated":9}')

    assert status("1", "--json") == (
        0,
        '{"id": "1", "status": "complete", "code": 4, "enqueued": "1970-01-01T00:00:08Z", '
        '"updated": "1970-01-01T00:00:09Z", "result": {"a": [1]}}\n',
    )
    assert status("2", "--json")[0] == 1
    assert status("3", "--json") == (
        3,
        '{"id": "3", "status": null, "code": null, "enqueued": null, "updated": null, '
        '"result": null}\n',
    )


# For people


def test_the_columns_are_aligned_and_numbers_to_the_right(store: Store, redis: Redis) -> None:
    store.register("host:7:mail", NOBODY)
    redis.set("resque:stat:processed:host:7:mail", 1200)
    redis.rpush("resque:queue:mail", *["{}"] * 120)
    redis.rpush("resque:queue:b", "{}")
    redis.sadd("resque:queues", "mail", "b")
    store.pause("b", by="ada")

    _, output = status()

    assert output.splitlines()[:7] == [
        "121 waiting, 0 running, 0 failures, 0 processed so far",
        "",
        "QUEUE  WAITING  WORKERS",
        "b            1        0  paused",
        "mail       120        1",
        "",
        "WORKER       STATE    PROCESSED  FAILED",
    ]
    assert output.splitlines()[7] == "host:7:mail  waiting       1200       0"


def test_delayed_jobs_are_counted_and_the_next_is_named() -> None:
    due = datetime(2090, 1, 2, 3, 4, 5, tzinfo=UTC)
    for later in (0, 0, 60):
        enqueue_at(due + timedelta(seconds=later), jobs.untracked)

    code, output = status()

    assert code == 0
    assert output.splitlines()[1] == "3 delayed, the next due 2090-01-02 03:04:05 UTC"


def test_an_endless_delayed_set_is_counted_up_to_a_bound(redis: Redis) -> None:
    redis.zadd(
        "resque:delayed_queue_schedule", {str(at): at for at in range(4 * 10**9, 4000001200)}
    )
    redis.rpush("resque:delayed:4000000000", *["{}"] * 10)

    _, output = status()

    assert output.splitlines()[1].startswith("at least 210 delayed, the next due 2096-")
    assert fields()["delayed"]["exact"] is False


def test_delayed_jobs_that_nobody_promotes_are_a_warning(redis: Redis) -> None:
    due = int(time.time())
    redis.zadd("resque:delayed_queue_schedule", {str(due - 5): due - 5})
    in_time = status()
    redis.zadd("resque:delayed_queue_schedule", {str(due - 100): due - 100})

    code, output = status()

    assert in_time[0] == 0
    assert code == 1
    assert "\nWarning: Delayed jobs have been due for 10" in output
    assert output.endswith("s, and no resque_work has promoted them.\n")


def test_what_would_steer_a_terminal_is_escaped(store: Store, redis: Redis) -> None:
    redis.sadd("resque:queues", "red\x1b[31m\n", b"\xff")
    redis.sadd("resque:workers", "ho\x07st:1:x")
    store.pause("bell\x07", by="eve\x1b[2J")

    _, output = status()

    assert all(char.isprintable() or char == "\n" for char in output)
    assert "\nred\\x1b[31m\\n  " in output
    assert "bell\\x07 is paused by eve\\x1b[2J since " in output


def test_output_that_nobody_takes_raises_nothing(redis: Redis) -> None:
    redis.sadd("resque:queues", "caf\u00e9")
    command = shlex.join([sys.executable, *WARNINGS, "-m", "django", "resque_status"])

    for how in ("| true", ">&-", "--watch | head -n 1", "--watch >&-"):
        done = subprocess.run(
            ["sh", "-c", f"{{ sleep 0.1; {command} {how}; }}"],
            cwd=ROOT,
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            timeout=DEADLINE,
            check=True,
        )
        assert done.stderr == b"", how


def test_an_odd_encoding_is_escaped(farm: Farm, redis: Redis) -> None:
    redis.sadd("resque:queues", "caf\u00e9")
    command = farm("resque_status", PYTHONIOENCODING="ascii")

    assert command.ends() == 0, command.output
    assert "\ncaf\\xe9  " in command.output


# Again and again


def test_a_watch_looks_again_until_ctrl_c(farm: Farm) -> None:
    watch = farm("resque_status", "--watch")
    watch.says("0 waiting, 0 running")
    enqueue_to("mail", jobs.untracked)
    output = watch.says("1 waiting, 0 running")

    watch.send(signal.SIGINT)

    assert watch.ends() == 0, watch.output
    assert "\x1b" not in output
    assert "Traceback" not in watch.output
    assert output.splitlines()[0].endswith(" UTC")


def test_a_watch_for_programs_is_a_line_for_each_look(farm: Farm) -> None:
    watch = farm("resque_status", "--watch", "--json")
    watch.says("\n", times=2)

    watch.send(signal.SIGINT)

    assert watch.ends() == 0
    assert {json.loads(line)["level"] for line in watch.output.splitlines()} == {"fine"}


def test_a_watch_outlives_an_outage(farm: Farm, redis_directory: Path) -> None:
    own = redis_directory / "watched"
    own.mkdir()
    with redis_server.running(own) as url:
        watch = farm("resque_status", "--watch", REDIS_URL=url)
        watch.says("0 waiting")
    watch.says("Critical: Redis at ")
    with redis_server.running(own) as again:
        assert again == url
        watch.says("0 waiting", times=2)

    watch.send(signal.SIGINT)

    assert watch.ends() == 0, watch.output
    assert "Traceback" not in watch.output


def test_a_watch_clears_a_terminal() -> None:
    ours, theirs = pty.openpty()
    watch = subprocess.Popen(
        [sys.executable, "-m", "django", "resque_status", "--watch"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    try:
        deadline = time.monotonic() + DEADLINE
        while shown.count(b"\x1b[2J\x1b[H") < 2:
            assert time.monotonic() < deadline, shown
            shown += os.read(ours, 65536)
        watch.send_signal(signal.SIGINT)
        code = watch.wait(DEADLINE)
    finally:
        watch.kill()
        watch.wait()
        os.close(ours)

    assert code == 0
    assert b"Traceback" not in shown


def test_ctrl_c_while_redis_does_not_answer_is_one_sentence(farm: Farm, tmp_path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen(1)
        silent.settimeout(DEADLINE)
        command = farm("resque_status", REDIS_URL=f"unix://{tmp_path}/s")
        connection, _ = silent.accept()
        with connection:
            connection.settimeout(DEADLINE)
            assert connection.recv(10)
            command.send(signal.SIGINT)

            assert command.ends() == 2
    assert command.output == "CommandError: Interrupted before Redis had answered.\n"


@pytest.mark.parametrize("words", [["--watch", "1"], ["--watch", "--id=1"]])
def test_a_job_is_not_watched_but_followed(words: list[str]) -> None:
    with pytest.raises(CommandError, match="A job is followed without --watch") as caught:
        call_command("resque_status", *words)

    assert caught.value.returncode == 3


def test_a_watch_with_wrong_settings_does_not_begin(farm: Farm) -> None:
    watch = farm("resque_status", "--watch", "--skip-checks", REDIS_URL="nonsense")

    assert watch.ends() == 3
    assert watch.output.startswith("CommandError: $REDIS_URL is no address of a Redis.")


def test_looking_takes_two_round_trips(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.register("host:7:mail", NOBODY)
    store.pause("mail", by="ada")
    enqueue_to("mail", jobs.untracked)
    enqueue_at(datetime.now(UTC) + timedelta(hours=1), jobs.untracked)
    sent: list[Any] = []
    send: Any = UnixDomainSocketConnection.send_packed_command

    def counted(connection: Any, command: Any, *given: Any, **options: Any) -> Any:
        sent.append(command)
        return send(connection, command, *given, **options)

    monkeypatch.setattr(UnixDomainSocketConnection, "send_packed_command", counted)
    status()

    assert len(sent) == 2
