"""The jobs of the tests. Each leaves a trace in the file named by its first argument."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

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
