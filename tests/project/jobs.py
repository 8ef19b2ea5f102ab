"""The jobs of the tests. Each leaves a trace in the file named by its first argument."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import transaction

from django_resque import Interrupted, Job, current_job, job


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


@job
def mischief(what: str) -> None:
    """What a job should not do to the process it shares with the next one."""
    actions: dict[str, Callable[[], object]] = {
        "close stdout": sys.stdout.close,
        "close descriptors": lambda: os.closerange(0, 3),
        "ignore signals": lambda: [
            signal.signal(number, signal.SIG_IGN)
            for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGURG, signal.SIGINT)
        ],
        "default signals": lambda: [
            signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGQUIT)
        ],
        "no wakeup": lambda: signal.set_wakeup_fd(-1),
        "exit 75": lambda: os._exit(75),
        "real-time signal": lambda: os.kill(os.getpid(), 40),
        "fork and return": os.fork,
        "open transaction": transaction.atomic().__enter__,
    }
    actions[what]()


def _sleep_long(_: int) -> None:
    time.sleep(600)


@job
def use_a_pool(path: str) -> None:
    """Leaves a pool whose processes are terminated by its end."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map_async(_sleep_long, [1, 2])
    leave(path, "pool ended")


@job
def describe_process(path: str) -> None:
    leave(path, str(os.getpid()))


@job
def enqueue_another(path: str) -> None:
    note.enqueue(path)
