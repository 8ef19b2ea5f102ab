"""`manage.py resque_work`: work queues until told to stop."""

import os
import signal
from argparse import SUPPRESS
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser

from django_resque import conf, pidfile, process
from django_resque.management.commands._output import print_safely
from django_resque.management.commands._usage import ResqueCommand, named, seconds
from django_resque.registry import registry
from django_resque.supervisor import Order, Supervisor
from django_resque.waiting import RedisUnusable, wait_for_redis

_FLAGS = ("queues", "count", "interval")

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


class _Stopped(BaseException):
    """Leaves a command that was told to stop before it had a worker."""


class Command(ResqueCommand):
    help = (
        "Work queues until told to stop. TERM, INT and HUP stop gracefully within "
        "RESQUE['STOP_TIMEOUT'] seconds, after which running jobs are interrupted and put back; "
        "a second TERM or INT interrupts now; QUIT waits for running jobs however long they take."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        # SUPPRESS: a flag nobody gave is absent, and the environment or the setting shows through.
        flag = partial(parser.add_argument, default=SUPPRESS)
        flag(
            "--queue",
            "--queues",
            action="append",
            dest="queues",
            metavar="QUEUE[,QUEUE...]",
            help="Queues to work, the most urgent first; repeatable. Default: $QUEUE, "
            "RESQUE['QUEUES'], or the queues of the registered jobs.",
        )
        flag(
            "--count",
            type=int,
            metavar="N",
            help="Worker processes. Default: $COUNT, RESQUE['COUNT'], or 1.",
        )
        flag(
            "--interval",
            type=float,
            metavar="SECONDS",
            help="Between looks into empty queues. Default: $INTERVAL, RESQUE['INTERVAL'], or 5.",
        )
        flag(
            "--pid",
            metavar="FILE",
            help="Write the supervisor's process id there, for resque_stop --pid. "
            "Default: $PIDFILE, or none.",
        )
        flag("--burst", action="store_true", help="Stop once the queues are empty.")
        flag(
            "--wait-for-redis",
            type=seconds,
            metavar="SECONDS",
            help="How long to wait at the start for a Redis that is away. Default: 30.",
        )

    def handle(self, **given: Any) -> None:
        try:
            with process.Handlers(_stop, _STOP_SIGNALS):  # Until the supervisor has its own.
                self.work(given)
        except _Stopped:
            return
        except (ImproperlyConfigured, pidfile.PidFileError, RedisUnusable) as error:
            raise CommandError(str(error)) from error
        finally:
            if getattr(self, "_called_from_command_line", False):
                _ignore_signals()  # The process ends now: another one must not spoil its code.

    def work(self, given: dict[str, Any]) -> None:
        options = conf.overridden({**_from_environment(), **_from_flags(given)})
        queues = options.queues or tuple(_registered_queues(options))
        order = Order(
            options=options,
            queues=queues,
            burst=given.get("burst", False),
            write=self.write,
            show_jobs=given["verbosity"] > 0,
        )
        if not registry.jobs():
            self.say(
                "No job is registered: every job will fail as unknown. "
                "Define jobs in the jobs.py of an installed app."
            )
        store = conf.new_store(options)
        pid = named(given.get("pid"), "--pid", "the name of a file") or os.environ.get("PIDFILE")
        with ExitStack() as stack:
            if pid:
                stack.enter_context(pidfile.held(Path(pid)))
            wait_for_redis(store.redis, given.get("wait_for_redis", 30.0), self.say)
            Supervisor(store, order).run()

    def write(self, text: str) -> None:
        print_safely(self.stdout, text)

    def say(self, sentence: str) -> None:
        print_safely(self.stderr, f"{sentence}\n")


def _stop(number: int, frame: FrameType | None) -> None:
    _ignore_signals()  # Once is enough: nothing disturbs the tidying up.
    raise _Stopped


def _ignore_signals() -> None:
    for each in _STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)


def _from_flags(given: dict[str, Any]) -> dict[str, Any]:
    flags = {name.upper(): given[name] for name in _FLAGS if name in given}
    if "QUEUES" in flags:
        flags["QUEUES"] = _split(",".join(flags["QUEUES"]))
    return flags


def _from_environment() -> dict[str, Any]:
    """The names that Ruby's and PHP's workers read."""
    found: dict[str, Any] = {}
    if queues := os.environ.get("QUEUES") or os.environ.get("QUEUE"):
        found["QUEUES"] = _split(queues)
    for name, number in (("COUNT", int), ("INTERVAL", float)):
        if text := os.environ.get(name):
            try:
                found[name] = number(text)
            except ValueError:
                raise ImproperlyConfigured(f"${name} must be a number, not {text!r}.") from None
    return found


def _split(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _registered_queues(options: conf.Options) -> Iterator[str]:
    """The default queue and those of the registered jobs, once each."""
    yield from dict.fromkeys(
        [options.default_queue, *sorted(job.queue for job in registry.jobs() if job.queue)]
    )
