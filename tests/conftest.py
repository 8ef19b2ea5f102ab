"""
One real Redis for the run, one empty database per test.

`farm` is the way to processes: it starts `manage.py` commands as a user would and
sees to it that none outlives its test.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from redis import Redis
from redis import __version__ as redis_py_version
from redis.connection import AbstractConnection

from django_resque import conf
from django_resque.store import Store
from example_project import redis_server

ROOT = Path(__file__).parent.parent

#: Seconds within which anything that a test waits for must have come about.
DEADLINE = 20.0


#: redis-py 5 leaves a socket that could not connect to the garbage collector, which warns.
_OLD_REDIS_PY = redis_py_version.startswith("5.")

#: For the interpreters that tests start: a warning is an error.
WARNINGS = ["-W", "error", *(["-W", "ignore:unclosed <socket:ResourceWarning"] * _OLD_REDIS_PY)]

#: A command that ends its process leaves them ignored, and what tests start inherits that.
_SIGNALS: dict[signal.Signals, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGQUIT: signal.SIG_DFL,
}


def pytest_configure(config: pytest.Config) -> None:
    if _OLD_REDIS_PY:
        config.addinivalue_line("filterwarnings", "ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _signals_are_heard() -> None:
    """Whoever runs the tests in the background or by nohup hands on ignored signals, too."""
    for number, handler in _SIGNALS.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def redis_directory() -> Iterator[Path]:
    """Short, because the path of a socket may not be long."""
    directory = Path(tempfile.mkdtemp(prefix="rq"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def redis_url(redis_directory: Path) -> Iterator[str]:
    with redis_server.running(redis_directory) as url:
        yield url


@pytest.fixture(scope="session")
def redis(redis_url: str) -> Iterator[Redis]:
    """A plain client, as another program would have one: bytes in, bytes out."""
    with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture(autouse=True)
def _empty_redis(
    redis: Redis, redis_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Every test begins with an empty Redis, and with settings that name it."""
    redis.flushall()
    monkeypatch.setenv("REDIS_URL", redis_url)
    settings.RESQUE = {}
    yield
    conf.reset()


@pytest.fixture
def store() -> Store:
    return conf.store()


#: Seconds that npm may take, from a registry or from its cache.
INSTALL = 90


@pytest.fixture(scope="session")
def node_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where programs for node find node-resque."""
    if not (shutil.which("node") and (npm := shutil.which("npm"))):
        pytest.skip("There is no node or no npm here.")
    directory = tmp_path_factory.mktemp("node")
    shutil.copy2(ROOT / "tests/node/package.json", directory)
    words = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        subprocess.run(words, cwd=directory, check=True, capture_output=True, timeout=INSTALL)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"npm could not install node-resque: {error}.")
    return directory


UserWith = Callable[..., Client]


@pytest.fixture
def user_with(db: None) -> UserWith:
    """A logged-in member of the staff with these permissions of ours, and no others."""

    from django.contrib.auth.models import Permission, User

    def build(*codenames: str, enforce_csrf_checks: bool = False) -> Client:
        user = User.objects.create_user(f"user{User.objects.count()}", is_staff=True)
        wanted = Permission.objects.filter(content_type__app_label="django_resque")
        user.user_permissions.set(wanted.filter(codename__in=codenames))
        client = Client(enforce_csrf_checks=enforce_csrf_checks)
        client.force_login(user)
        return client

    return build


@pytest.fixture
def as_reader(settings: Settings, redis: Redis, redis_url: str) -> Iterator[None]:
    """The site asks Redis as a user who may only read."""
    redis.acl_setuser(
        "reader",
        enabled=True,
        passwords=["+word"],
        keys=["*"],
        categories=["+@read", "+@connection"],
    )
    settings.RESQUE = {"URL": redis_url.replace("unix://", "unix://reader:word@")}
    yield
    redis.acl_deluser("reader")


@pytest.fixture
def round_trips(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One element for each time that something is sent to Redis."""
    sent: list[int] = []
    original: Any = AbstractConnection.send_packed_command

    def send(self: Any, command: Any, *args: Any, **kwargs: Any) -> Any:
        sent.append(1)
        return original(self, command, *args, **kwargs)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", send)
    return sent


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """The file in which the jobs of tests/project/jobs.py leave their traces."""
    return tmp_path / "trace"


def names(found: Iterable[Any]) -> list[str]:
    """What Redis answered, as text, sorted."""
    return sorted(each.decode() if isinstance(each, bytes) else str(each) for each in found)


def gone(pid: int) -> None:
    """Waits until there is no such process."""
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), f"process {pid} is gone")


def wait_for(condition: Callable[[], Any], what: str, deadline: float = DEADLINE) -> Any:
    """The condition's first true value. Fails after the deadline, saying what did not come."""
    until = time.monotonic() + deadline
    while not (value := condition()):
        if time.monotonic() > until:
            pytest.fail(f"did not come about within {deadline:g} s: {what}")
        time.sleep(0.01)
    return value


class Command:
    """A running `manage.py` command. Its output is collected in a file."""

    def __init__(self, directory: Path, words: tuple[str, ...], environment: dict[str, str]):
        self.log = Path(tempfile.mkstemp(dir=directory, suffix=".log")[1])
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *WARNINGS, "-m", "django", *words],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self.log.read_text("utf-8", "replace")

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ends(self, deadline: float = DEADLINE) -> int:
        """Its exit code. Fails the test, with the output, if it does not end in time."""
        try:
            return self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            pytest.fail(f"did not end within {deadline:g} s; its output:\n{self.output}")

    def says(self, text: str, times: int = 1) -> str:
        """Waits until the output has the text so often; answers the output."""
        wait_for(lambda: self.output.count(text) >= times, f"{text!r} in {self.output!r}")
        return self.output

    def worker_pids(self) -> list[int]:
        """Of the worker processes it started, in their order, dead ones too."""
        lines = [line for line in self.output.splitlines() if line.startswith("*** Starting")]
        return [int(line.split(":")[1]) for line in lines]


Farm = Callable[..., Command]


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    """Starts commands: `farm("resque_work", "--count=2", HOSTNAME="other")`."""
    commands: list[Command] = []

    def start(*words: str, **environment: str) -> Command:
        commands.append(Command(tmp_path, words, environment))
        return commands[-1]

    yield start
    for command in commands:
        for pid in [command.pid, *command.worker_pids()]:
            try:
                os.killpg(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        command.process.wait()
