"""
docs/deployment: what the page quotes stands in its files, and the commands in these are run as
they are written, but for the paths.

Docker and Kubernetes themselves are not needed, and so are not tested.
"""

import configparser
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from pytest_django import Settings
from redis import Redis

from django_resque import conf, enqueue, enqueue_in, enqueue_many, enqueue_to, queues
from tests.conftest import ROOT, names, wait_for
from tests.project import jobs

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = ROOT / "docs/deployment.rst"
FILES = ROOT / "docs/deployment"

PYTHON = "/srv/mysite/venv/bin/python"


def text(name: str) -> str:
    return (FILES / name).read_text("utf-8")


def ini(name: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way
    parser.read_string(text(name))
    return parser


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text("compose.yaml"))["services"][name]
    return found


def pod() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text("kubernetes.yaml"))["spec"]["template"]["spec"]
    return found


def of_dockerfile(instruction: str) -> list[str]:
    found = re.findall(rf"^{instruction} (\[.*\])$", text("Dockerfile"), re.MULTILINE)
    assert len(found) == 1
    words: list[str] = json.loads(found[0])
    return words


#: The command that each file runs.
COMMANDS: dict[str, Callable[[], list[str]]] = {
    "resque.service": lambda: shlex.split(ini("resque.service")["Service"]["ExecStart"]),
    "Dockerfile": lambda: of_dockerfile("CMD"),
    "compose.yaml": lambda: service("worker")["command"],
    "kubernetes.yaml": lambda: pod()["containers"][0]["args"],
    "supervisord.conf": lambda: shlex.split(ini("supervisord.conf")["program:resque"]["command"]),
}

#: Seconds that each file gives a stop.
STOPS: dict[str, Callable[[], int]] = {
    "resque.service": lambda: int(ini("resque.service")["Service"]["TimeoutStopSec"]),
    "compose.yaml": lambda: int(service("worker")["stop_grace_period"].removesuffix("s")),
    "kubernetes.yaml": lambda: pod()["terminationGracePeriodSeconds"],
    "supervisord.conf": lambda: int(ini("supervisord.conf")["program:resque"]["stopwaitsecs"]),
}


class Place:
    """A directory in which the commands of the files find what they expect."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = directory / "resque.log"
        self.started: list[subprocess.Popen[bytes]] = []
        directory.joinpath("manage.py").write_text(
            "from django.core.management import execute_from_command_line\n"
            "execute_from_command_line()\n"
        )

    def put(self, text: str) -> str:
        """The same with the paths of this place."""
        text = text.replace(PYTHON, sys.executable).replace("/srv/mysite", str(self.directory))
        text = text.replace("/run/resque", str(self.directory))
        return text.replace("/var/log/resque.log", str(self.log))

    def start(self, words: list[str]) -> subprocess.Popen[bytes]:
        """Appends its output to the log."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [self.put(word) for word in words],
                cwd=self.directory,
                env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    @property
    def output(self) -> str:
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def says(self, text: str) -> None:
        wait_for(lambda: text in self.output, f"{text!r} in {self.output!r}")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path)
    yield found
    for process in found.started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


# The page and its files.


def test_the_page_renders() -> None:
    words = [sys.executable, "-m", "docutils", "--halt=2", "--syntax-highlight=none", str(PAGE)]

    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert "How long a stop may take" in done.stdout


def test_the_page_links_every_file_and_no_other() -> None:
    links = re.findall(r"`([\w.]+) <deployment/([\w.]+)>`_", PAGE.read_text("utf-8"))

    assert {target for _, target in links} == {path.name for path in FILES.iterdir()}
    assert all(shown == target for shown, target in links)


def test_what_the_page_quotes_stands_in_its_files_in_that_order() -> None:
    quotes = re.findall(
        r"^\.\. from deployment/(\S+)\n\.\. code-block:: \w+\n\n((?:    .*\n|\n)+)",
        PAGE.read_text("utf-8"),
        re.MULTILINE,
    )

    assert {name for name, _ in quotes} == {path.name for path in FILES.iterdir()}
    for name, quote in quotes:
        lines = iter([line.strip() for line in text(name).splitlines()])
        for line in filter(None, map(str.strip, quote.splitlines())):
            assert line in lines, f"{name}: {line}"  # It goes on behind the last one found.


@pytest.mark.parametrize("name", STOPS)
def test_a_stop_has_the_time_that_it_may_take(name: str) -> None:
    seconds = STOPS[name]()

    assert conf.Options().stop_timeout + 4 < seconds < 60
    assert re.search(rf"\b{seconds}s?\b", PAGE.read_text("utf-8"))


def test_every_probe_is_the_same() -> None:
    container = pod()["containers"][0]
    probe = container["livenessProbe"]["exec"]["command"]

    assert container["startupProbe"]["exec"]["command"] == probe
    assert container["readinessProbe"]["exec"]["command"] == probe
    of_compose = service("worker")["healthcheck"]["test"]
    assert ["sh", "-c", of_compose[1].replace("$$", "$")] == probe
    assert container["args"][-1] in " ".join(service("worker")["command"])


def test_a_slow_redis_at_the_start_is_waited_for_before_the_start_has_failed() -> None:
    """Or Kubernetes would kill what would have said what is wrong."""
    probe = pod()["containers"][0]["startupProbe"]

    assert probe["periodSeconds"] * probe["failureThreshold"] > 30 * 2


# The commands.


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_works_and_stops_without_losing_a_job(
    name: str, place: Place, trace: Path
) -> None:
    handle = enqueue(jobs.Sleep, str(trace), 0.5)

    work = place.start(COMMANDS[name]())
    wait_for(trace.exists, f"the job's begin in {place.output!r}")
    work.send_signal(signal.SIGTERM)

    assert work.wait(20) == 0, place.output
    assert trace.read_text("utf-8") == "begin\nend\n"
    assert handle.status == "complete"


def test_one_that_signals_every_process_loses_no_job_either(place: Place, trace: Path) -> None:
    """Heroku does, and systemd without KillMode=mixed."""
    handle = enqueue(jobs.Sleep, str(trace), 1.0)
    work = place.start(COMMANDS["resque.service"]())
    wait_for(trace.exists, "the job's begin")

    for pid in [work.pid, *children(work.pid)]:
        os.kill(pid, signal.SIGTERM)

    assert work.wait(20) == 0, place.output
    assert trace.read_text("utf-8") == "begin\nend\n"
    assert handle.status == "complete"


def test_the_migration_runs(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_DATABASE", str(place.directory / "database"))

    migrate = place.start(service("migrate")["command"])

    assert migrate.wait(60) == 0, place.output
    assert "django_resque" in place.output


def children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()))


def unshare() -> list[str]:
    """A command that makes the next one process 1 of a pid namespace; [] where that is refused."""
    for also in ([], ["--user", "--map-root-user"]):
        words = ["unshare", *also, "--pid", "--fork", "--kill-child", "--mount-proc"]
        done = shutil.which("unshare") and subprocess.run(
            [*words, "true"], check=False, capture_output=True
        )
        if done and done.returncode == 0:
            return words
    return []


@pytest.mark.parametrize("tini", [False, True])
def test_as_process_1_it_stops_as_asked_and_reaps_orphans(
    tini: bool, place: Place, trace: Path
) -> None:
    if tini and not shutil.which("tini"):
        pytest.skip("tini is not installed")
    if not (words := unshare()):
        pytest.skip("this machine permits no new pid namespace")
    orphan = enqueue(jobs.leave_an_orphan)
    entry = of_dockerfile("ENTRYPOINT") if tini else []
    # Its worker gets the orphan first, and ends.
    outer = place.start([*words, *entry, *COMMANDS["compose.yaml"](), "--max-jobs=1"])
    wait_for(lambda: orphan.status == "complete", "the job that leaves an orphan")
    (first,) = children(outer.pid)

    wait_for(lambda: "sleep" in names_of(children(first)), "process 1 has got the orphan")
    wait_for(lambda: "sleep" not in names_of(children(first)), "the orphan is reaped")
    handle = enqueue(jobs.Sleep, str(trace), 0.5)
    wait_for(trace.exists, "the job's begin")
    os.kill(first, signal.SIGTERM)

    assert outer.wait(20) == 0, place.output
    assert handle.status == "complete"


def test_containers_of_one_name_do_not_give_up_each_others_jobs(
    place: Place, redis: Redis, trace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (words := unshare()):
        pytest.skip("this machine permits no new pid namespace")
    monkeypatch.setenv("RESQUE_HOSTNAME", "web")
    entry = [*words, *COMMANDS["resque.service"](), "--count=1"]

    containers = [place.start(entry), place.start(entry)]
    wait_for(lambda: redis.scard("resque:workers") == 2, "both are known")
    handles = [enqueue(jobs.Sleep, str(trace), 0.3) for _ in range(4)]
    wait_for(lambda: handles[-1].status in ("complete", "failed"), "the jobs are over")

    ids = names(redis.smembers("resque:workers"))
    assert len({name.split(":")[1] for name in ids}) == 1  # The same pids.
    assert all(name.startswith("web-") for name in ids)
    for container in containers:
        os.kill(children(container.pid)[0], signal.SIGTERM)
    assert [container.wait(20) for container in containers] == [0, 0]
    assert [handle.status for handle in handles] == ["complete"] * 4
    assert redis.llen("resque:failed") == 0


def names_of(pids: list[int]) -> list[str]:
    """Zombies too."""
    paths = [Path(f"/proc/{pid}/comm") for pid in pids]
    return [path.read_text("utf-8").strip() for path in paths if path.exists()]


@pytest.fixture
def users(redis: Redis, redis_url: str) -> Iterator[dict[str, str]]:
    """The users of Redis that the page describes: name to URL."""
    acl: Any = redis.execute_command  # Not annotated.
    path, found = redis_url.removeprefix("unix://"), dict[str, str]()
    for line in text("users.redis").splitlines():
        acl(*line.split())
        if word := re.match(r"ACL SETUSER (\w+) on >(\w+)", line):
            found[word[1]] = f"unix://{word[1]}:{word[2]}@{path}"
    acl("ACL", "LOG", "RESET")
    yield found
    redis.acl_deluser(*found)


def refused(redis: Redis, user: str) -> set[str]:
    """The commands that this user was not allowed."""
    log: Any = redis.acl_log()
    return {entry["object"] for entry in log if entry["username"] == user}


def test_the_users_of_redis_have_the_rights_that_they_need(
    place: Place,
    redis: Redis,
    trace: Path,
    users: dict[str, str],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.RESQUE = {"URL": users["enqueues"]}
    monkeypatch.setenv("REDIS_URL", users["works"])
    failing, delayed = enqueue(jobs.fail), enqueue_in(1, jobs.note, str(trace))
    enqueue_many([(jobs.note, str(trace))])

    work = place.start([*COMMANDS["resque.service"]()])
    wait_for(lambda: delayed.status == "complete", "the delayed job is performed")
    queues.pause("default")
    queues.resume("default")
    call_command("resque_failures", "retry", "--all", "--yes", stdout=io.StringIO())
    wait_for(lambda: redis.get("resque:stat:failed") == b"2", "it has failed again")
    assert enqueue_in(100, jobs.note, str(trace)).cancel()
    settings.RESQUE = {"URL": users["looks"]}
    call_command("resque_status", stdout=io.StringIO())
    settings.RESQUE = {"URL": users["enqueues"]}
    call_command("resque_stop", "--all", stdout=io.StringIO())

    assert work.wait(20) == 0, place.output
    assert failing.status == "failed"
    assert "refuses" not in place.output
    assert "failed, trying again" not in place.output
    assert refused(redis, "works") == set()
    # Pages and commands do without: the clock, and in Redis 6.2 that redis-py tells its name.
    assert refused(redis, "enqueues") <= {"time", "client"}
    assert refused(redis, "looks") <= {"time", "client"}


def test_a_missing_right_is_called_by_its_name(
    place: Place, redis: Redis, users: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", users["enqueues"])

    work = place.start([*COMMANDS["resque.service"]()])
    wait_for(lambda: "step=beat" in place.output, "a beat is refused")
    wait_for(lambda: "waiting who=" in place.output, "the worker waits")
    work.send_signal(signal.SIGTERM)
    assert work.wait(20) == 0, place.output

    assert "redis is away" not in place.output
    assert "Traceback" not in place.output
    assert "this user of redis lacks a right (ACL LOG names it" in place.output
    assert "time" in refused(redis, "enqueues")


def test_what_old_workers_do_not_know_is_brought_back_after_the_deploy(
    place: Place, redis: Redis
) -> None:
    enqueue_to("default", "shop.jobs.OfTheNewCode", 7)
    old = place.start([*COMMANDS["resque.service"](), "--burst"])
    assert old.wait(20) == 0, place.output
    lost = redis.llen("resque:queue:default")

    call_command("resque_failures", "retry", "--exception=UnknownJob", "--yes")

    assert (lost, redis.llen("resque:queue:default")) == (0, 1)


# The programs that the files are for.


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_finds_nothing_wrong_with_the_unit(place: Place) -> None:
    unit = place.directory / "resque.service"
    unit.write_text(place.put(text("resque.service")))

    words = ["systemd-analyze", "verify", str(unit)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_supervisord_runs_it_and_stops_it_without_losing_a_job(place: Place, trace: Path) -> None:
    lines = place.put(text("supervisord.conf")).splitlines()
    config = place.directory / "supervisord.conf"
    own = f"[supervisord]\nlogfile={place.directory}/own.log\npidfile={place.directory}/own.pid\n"
    here = [line for line in lines if not line.startswith("user=")]  # There is none of that name.
    config.write_text("\n".join([own, *here, ""]))
    handle = enqueue(jobs.Sleep, str(trace), 1.0)

    daemon = place.start(["supervisord", "--nodaemon", "--configuration", str(config)])
    wait_for(trace.exists, f"the job's begin in {place.output!r}")
    daemon.send_signal(signal.SIGTERM)

    assert daemon.wait(20) == 0, place.output
    assert trace.read_text("utf-8") == "begin\nend\n"
    assert handle.status == "complete"
    assert "*** Starting worker" in place.output


def test_a_rotated_log_goes_on_in_the_emptied_file(place: Place, trace: Path) -> None:
    """By what `copytruncate` does, or by logrotate itself where that is installed."""
    first = enqueue(jobs.note, str(trace))
    place.start(COMMANDS["resque.service"]())
    place.says(first.id)

    rotate(place)
    second = enqueue(jobs.note, str(trace))
    place.says(second.id)

    assert first.id not in place.output
    assert "\0" not in place.output
    assert first.id in place.log.with_name("resque.log.1").read_text("utf-8")


def rotate(place: Place) -> None:
    if logrotate := shutil.which("logrotate"):
        config = place.directory / "logrotate.conf"
        config.write_text(place.put(text("logrotate.conf")))
        config.chmod(0o600)
        state = place.directory / "logrotate.state"
        subprocess.run([logrotate, "--force", "--state", state, config], check=True)
    else:
        shutil.copyfile(place.log, place.log.with_name("resque.log.1"))
        os.truncate(place.log, 0)


def test_the_rotation_sends_no_signal() -> None:
    """HUP stops resque_work, USR1 kills its jobs."""
    lines = [line.strip() for line in text("logrotate.conf").splitlines() if line[:1] != "#"]

    assert "copytruncate" in lines
    assert not [line for line in lines if "kill" in line or line.endswith("script")]


def test_the_check_of_the_pipeline_lets_warnings_pass(place: Place, redis: Redis) -> None:
    (line,) = re.findall(
        r"^    (python manage\.py resque_check .*)$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    redis.rpush("resque:queue:nobodys", "{}")
    redis.sadd("resque:queues", "nobodys")

    warned = place.start(["sh", "-c", line]).wait(20)
    away = place.start(["env", "REDIS_URL=redis://localhost:1/0", "sh", "-c", line]).wait(20)

    assert (warned, away) == (0, 1), place.output
    assert "nobodys: 1 waiting, and no worker listens to it" in place.output
