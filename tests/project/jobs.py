"""The jobs of the tests. Each leaves a trace in the file named by its first argument."""

import io
import json
import locale
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone, translation

from django_resque import Interrupted, Job, JobTimeout, Retry, conf, current_job, job


def leave(path: str, text: str) -> None:
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


@job
def note(path: str, text: str = "ran") -> str:
    leave(path, text)
    return text


class Sleep(Job):
    """Says begin, sleeps, says end. An interrupt passes through it."""

    queue = "slow"

    def perform(self, path: str, seconds: float) -> None:
        leave(path, "begin")
        try:
            time.sleep(seconds)
        except Interrupted:
            leave(path, "interrupted")
            raise
        leave(path, "end")


@job(queue="slow")
def stubborn(path: str, seconds: float) -> None:
    """Does not let itself be interrupted."""
    leave(path, "begin")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            time.sleep(0.05)
        except Interrupted:
            leave(path, "ignored")
    leave(path, "end")


class Fenced(Sleep):
    """Lets go when the lease of its worker is lost."""

    fence = True


@job(queue="slow", fence=True)
def stubbornly_fenced(path: str) -> None:
    """Does not."""
    stubborn.function(path, 600)


class Boom(Exception):
    pass


@job
def fail(text: str = "boom") -> None:
    raise Boom(text)


@job
def leave_by(how: str) -> None:
    """End the process instead of the job."""
    if how == "sys.exit":
        sys.exit(3)
    if how == "os._exit":
        os._exit(0)
    os.kill(os.getpid(), signal.Signals[how])


@job(track=False)
def untracked() -> None:
    pass


@job
def describe(path: str) -> None:
    found = current_job()
    leave(path, f"{found.id} {found.queue} {found.attempt} {found.args}")


class Recorder(Job, abstract=True):
    """Leaves what it was given."""

    def perform(self, *args: Any) -> Any:
        return list(args)


class FromRuby(Recorder):
    name = "Recorder"
    aliases = (r"App\Job\Recorder",)


@job
def start_a_child(path: str) -> None:
    """Leaves the pid of a process that would outlive the job."""
    child = subprocess.Popen(["sleep", "600"])
    leave(path, str(child.pid))
    child.wait()


@job(queue="slow")
def start_daemons(path: str, seconds: float = 600) -> None:
    """Leaves its pid, and those of processes that are in no group of ours, one an orphan."""
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    leave(path, f"{os.getpid()} {child.pid}")
    subprocess.run(["sh", "-c", f"setsid sleep 600 & echo $! >> {path}"], check=True)
    time.sleep(seconds)


NOFILE = resource.getrlimit(resource.RLIMIT_NOFILE)

WORD: ContextVar[str] = ContextVar("word")

#: What is undone after the job, and what it leaves.
MISCHIEF: dict[str, Callable[[], object]] = {
    "change directory": lambda: os.chdir("/"),
    "change umask": lambda: os.umask(0o777),
    "change environment": lambda: os.environ.update(RESQUE_MISCHIEF="1"),
    "lose environment": os.environ.clear,
    "change locale": lambda: locale.setlocale(locale.LC_ALL, "C"),
    "change recursion limit": lambda: sys.setrecursionlimit(5000),
    "block signals": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]),
    "set a timer": lambda: signal.setitimer(signal.ITIMER_REAL, 0.2),
    "close stdin": sys.stdin.close,
    "replace stdout": lambda: setattr(sys, "stdout", io.StringIO()),
    "close stderr": sys.stderr.close,
}


@job
def mischief(what: str, path: str = "", seconds: float = 0.0) -> None:
    """What a job should not do to the process it shares with the next one. It may go on then."""
    actions: dict[str, Callable[[], object]] = {
        "close stdout": sys.stdout.close,
        "close descriptors": lambda: os.closerange(0, 3),
        "close all": lambda: os.closerange(3, 1024),
        "lower limit": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (3, NOFILE[1])),
        "lower hard limit": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)),
        "ignore signals": lambda: [
            signal.signal(number, signal.SIG_IGN)
            for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGURG, signal.SIGINT)
        ],
        "default signals": lambda: [
            signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGQUIT)
        ],
        "no wakeup": lambda: signal.set_wakeup_fd(-1),
        "exit 3": lambda: os._exit(3),
        "exit 75": lambda: os._exit(75),
        "real-time signal": lambda: os.kill(os.getpid(), 40),
        "fork and return": os.fork,
        "open transaction": transaction.atomic().__enter__,
        "leave a thread": threading.Thread(
            target=time.sleep, args=[60], name="left", daemon=True
        ).start,
        "leave a long thread": threading.Thread(target=time.sleep, args=[60], name="long").start,
        "leave an end": threading.Timer(0.3, os._exit, [0]).start,
        "leave a child": lambda: subprocess.Popen(["sleep", "1"]).pid,
        **MISCHIEF,
    }
    actions[what]()
    if path:
        leave(path, "begin")
    time.sleep(seconds)


class Unreadable(Exception):
    """Nothing of it can be read."""

    def __getattribute__(self, name: str) -> Any:
        raise KeyboardInterrupt(name)


class Empty(Exception):
    """Is false, as a list of errors may be."""

    def __len__(self) -> int:
        return 0


class Reticent:
    """Its attributes cannot be listed, as Python does to say which one was meant."""

    def __dir__(self) -> list[str]:
        sys.exit(4)


@job
def fail_oddly(what: str) -> None:
    if what == "Reticent":
        getattr(Reticent(), "attribute")  # noqa: B009 -- which it has not
    raise {"Unreadable": Unreadable, "Empty": Empty}[what]


@job
def take_descriptors(path: str) -> None:
    """Closes all, and has a file instead of each that it closed."""
    os.closerange(3, 1024)
    for _ in range(40):
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


@job
def look_around(path: str) -> None:
    """Leaves what a job may see of its process."""
    umask = os.umask(0)
    os.umask(umask)
    seen = {
        "directory": str(Path.cwd()),
        "umask": umask,
        "environment": sorted(os.environ.items()),
        "locale": locale.setlocale(locale.LC_ALL),
        "recursion": sys.getrecursionlimit(),
        "mask": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "timer": signal.getitimer(signal.ITIMER_REAL)[0],
        "stdin": os.fstat(0).st_rdev,
        "streams": [stream.closed for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "timezone": timezone.get_current_timezone_name(),
        "language": translation.get_language(),
        "variable": WORD.get(""),
    }
    leave(path, json.dumps(seen))


def _sleep_long(_: int) -> None:
    time.sleep(600)


@job
def use_a_pool(path: str) -> None:
    """Leaves a pool whose processes are terminated by its end."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map_async(_sleep_long, [1, 2])
    leave(path, "pool ended")


struck_early = False

#: Before the worker's own, as this module is read before a worker begins.
os.register_at_fork(
    after_in_child=lambda: os.kill(os.getpid(), signal.SIGTERM) if struck_early else None
)


@job
def strike_a_child_early(path: str) -> None:
    """Leaves how a child ended whose SIGTERM came while it was still being forked."""
    global struck_early  # noqa: PLW0603 -- what is done at a fork cannot be given arguments
    struck_early = True
    try:
        child = multiprocessing.get_context("fork").Process(target=_sleep_long, args=[0])
        child.start()
    finally:
        struck_early = False
    child.join(5)
    leave(path, str(child.exitcode))
    child.kill()


@job
def leave_an_orphan() -> None:
    """A process whose parent ends at once, and which ends itself a little later."""
    subprocess.run(["sh", "-c", "sleep 1 &"], check=True)


@job
def describe_process(path: str) -> None:
    leave(path, str(os.getpid()))


@job
def enqueue_another(path: str) -> None:
    note.enqueue(path)


class RefundOfPhp(Job):
    """Its arguments travel as PHP has them."""

    name = "Refund"
    args_style = "kwargs"

    def perform(self, order_id: int, cents: int = 0) -> None:
        pass


class Choosy(Job):
    """Refuses what is below zero."""

    @classmethod
    def before_enqueue(cls, number: int) -> bool:
        return number >= 0

    def perform(self, number: int) -> None:
        pass


@job(queue="slow")
def linger(path: str, seconds: float) -> None:
    """Leaves where it begins, and stays there for a while."""
    leave(path, str(os.getpid()))
    time.sleep(seconds)


def _be_late(path: str) -> str:
    time.sleep(600)
    return "on time"


def _be_late_and_return(path: str) -> str:
    try:
        return _be_late(path)
    except JobTimeout:
        return "rescued"


def _ignore_the_time(path: str) -> str:
    while True:
        with suppress(JobTimeout):
            time.sleep(600)
        leave(path, "ignored")


def _start_children_and_ignore_the_time(path: str) -> str:
    for session in (False, True):
        child = subprocess.Popen(["sleep", "600"], start_new_session=session)
        leave(path, str(child.pid))
    return _ignore_the_time(path)


def _let_nobody_in(path: str) -> str:
    return str(sum(range(10**12)))  # One call, in which no signal handler runs.


class Timed(Job):
    """Takes longer than its timeout, in one way or another. Leaves its hooks and the seconds."""

    queue = "slow"
    timeout = 0.4

    def perform(self, path: str, how: str = "late") -> str:
        ways = {
            "late": _be_late,
            "return": _be_late_and_return,
            "ignore": _ignore_the_time,
            "children": _start_children_and_ignore_the_time,
            "hold": _let_nobody_in,
        }
        leave(path, f"begin {os.getpid()}")
        began = time.monotonic()
        try:
            return ways[how](path)
        except JobTimeout:
            leave(path, f"late {time.monotonic() - began:.3f}")
            raise

    def tear_down(self) -> None:
        leave(self.args[0], "tear_down")

    def on_failure(self, exception: BaseException) -> None:
        leave(self.args[0], f"on_failure {type(exception).__name__}")


class Patient(Job):
    """Has all the time there is."""

    queue = "slow"
    timeout = float("inf")

    def perform(self, path: str, seconds: float) -> None:
        time.sleep(seconds)
        leave(path, "patient")


@job(queue="slow", timeout=0.2)
def timed(path: str) -> None:
    """The same as a function, and shorter."""
    began = time.monotonic()
    try:
        time.sleep(600)
    finally:
        leave(path, f"late {time.monotonic() - began:.3f}")


_performed: list[str] = []


@job
def remember(path: str, text: str) -> None:
    """Leaves what earlier jobs of this process have left in the module."""
    _performed.append(text)
    print(f"printed by {text}")
    leave(path, f"{os.getpid()} {','.join(_performed)}")


class Stumbling(Job, abstract=True):
    """
    Stumbles in one way or another until its last try. Leaves each try, and at its failure how
    many failures there are by then.
    """

    queue = "slow"

    def perform(self, path: str, last: float, how: str = "raise") -> int:
        leave(path, f"try {self.attempt} {os.getpid()}")
        if self.attempt < last:
            if how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if how == "late":
                _ignore_the_time(path)
            raise Boom(f"stumbled at {self.attempt}")
        return self.attempt

    def on_failure(self, exception: BaseException) -> None:
        recorded = conf.store().redis.llen("resque:failed")
        kind = type(exception).__name__
        leave(self.args[0], f"on_failure {kind} {self.attempt} {recorded} {os.getpid()}")


class Persistent(Stumbling):
    """Is tried three times, one soon after the other."""

    retry = Retry(limit=2, delay=0, jitter=0)
    timeout = 0.5


class Fragile(Stumbling):
    """Is tried once."""


class Inconsolable(Stumbling):
    """Takes so many seconds, as it gives for its last try, to get over its failure."""

    def on_failure(self, exception: BaseException) -> None:
        super().on_failure(exception)
        time.sleep(self.args[1])
        leave(self.args[0], "over it")


@job
def unlock(path: str) -> str:
    """Fails until there is such a file."""
    if not Path(path).exists():
        raise FileNotFoundError(f"no key at {path}")
    return "open"
