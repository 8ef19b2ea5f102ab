"""`manage.py resque_work`: work queues until told to stop."""

import os
from argparse import SUPPRESS
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_resque import conf, pidfile
from django_resque.registry import registry
from django_resque.supervisor import Order, Supervisor
from django_resque.waiting import RedisUnusable, wait_for_redis

_FLAGS = ("queues", "count", "interval")


class Command(BaseCommand):
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
            type=float,
            metavar="SECONDS",
            help="How long to wait at the start for a Redis that is away. Default: 30.",
        )

    def handle(self, **given: Any) -> None:
        try:
            self.work(given)
        except (ImproperlyConfigured, pidfile.PidFileError, RedisUnusable) as error:
            raise CommandError(str(error)) from error

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
            self.stderr.write(
                "No job is registered: every job will fail as unknown. "
                "Define jobs in the jobs.py of an installed app."
            )
        store = conf.new_store(options)
        pid = given.get("pid", os.environ.get("PIDFILE"))
        with ExitStack() as stack:
            if pid:
                stack.enter_context(pidfile.held(Path(pid)))
            wait_for_redis(store.redis, given.get("wait_for_redis", 30.0), self.stderr.write)
            Supervisor(store, order).run()

    def write(self, text: str) -> None:
        self.stdout.write(text, ending="")
        self.stdout.flush()


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
