"""The flags of resque_work, and the environment that stands in for some of them."""

import os
from argparse import SUPPRESS
from functools import partial
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser

from django_resque import conf
from django_resque.management.commands._usage import megabytes, positive, seconds
from django_resque.order import Order

#: Those that are settings too.
_OF_SETTINGS = ("queues", "count", "interval", "timeout")

#: Flags that are not called as their setting is.
_FLAGS = {"QUEUES": "queue"}

#: Those that are fields of an `Order`.
OF_ORDER = ("burst", "max_jobs", "max_rss", "fork_per_job", "in_process", "reload")


def add(parser: CommandParser) -> None:
    # SUPPRESS: a flag nobody gave is absent, and the environment or the setting shows through.
    _what_to_work(partial(parser.add_argument, default=SUPPRESS))
    _how_to_work(partial(parser.add_argument, default=SUPPRESS))


def _what_to_work(flag: partial[Any]) -> None:
    flag(
        "--queue",
        "--queues",
        action="append",
        dest="queues",
        metavar="QUEUE[,QUEUE...]",
        help="Queues to work, the most urgent first; repeatable. A name may have * ? [ab], "
        "each standing for all queues that match, and !NAME leaves one out. Default: $QUEUE, "
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
        help="Between looks into empty queues, where Redis cannot wake the workers. "
        "Default: $INTERVAL, RESQUE['INTERVAL'], or 5.",
    )
    flag(
        "--pid",
        metavar="FILE",
        help="Write the supervisor's process id there, for resque_stop --pid. "
        "Default: $PIDFILE, or none.",
    )
    flag("--burst", action="store_true", help="Stop once the queues are empty.")


def _how_to_work(flag: partial[Any]) -> None:
    flag(
        "--max-jobs",
        type=positive,
        metavar="N",
        help="Replace a worker process by a fresh one after so many jobs.",
    )
    flag(
        "--max-rss",
        type=megabytes,
        metavar="MB",
        help="Replace a worker process by a fresh one after a job that leaves it with more "
        "megabytes of resident memory.",
    )
    flag(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="Time that a job without a timeout of its own may take. Then JobTimeout is "
        "raised in it, and 2 seconds later it is killed. Default: RESQUE['TIMEOUT'], or any.",
    )
    flag(
        "--fork-per-job",
        action="store_true",
        help="Perform each job in a process of its own: slower, and nothing stays of it.",
    )
    flag(
        "--in-process",
        action="store_true",
        help="Perform jobs in the command's own process, with its terminal: for debuggers. "
        "A job that does not let go is not killed.",
    )
    flag(
        "--reload",
        action="store_true",
        help="Begin anew when a Python file of the project changes: for development.",
    )
    flag(
        "--debug",
        action="store_true",
        help="Log every step to stderr, with the arguments of jobs. Or $VVERBOSE.",
    )
    flag(
        "--wait-for-redis",
        type=seconds,
        metavar="SECONDS",
        help="How long to wait at the start for a Redis that is away. Default: 30.",
    )


def check(order: Order) -> None:
    """Refuse what wants worker processes where there are none."""
    beside = {
        "--count above 1": order.options.count > 1,
        "--max-jobs": order.max_jobs,
        "--max-rss": order.max_rss,
        "--fork-per-job": order.fork_per_job,
    }
    for flag, given in beside.items():
        if order.in_process and given:
            raise CommandError(
                f"--in-process performs in the command's own process, so {flag} has no meaning: "
                "leave out one of the two."
            )


def options(given: dict[str, Any]) -> conf.Options:
    """
    The settings, with the environment and the flags on top. Raises ImproperlyConfigured,
    which names the flag or the variable if one of these is wrong.
    """
    environment, flags = _from_environment(), _from_flags(given)
    try:
        return conf.overridden({**environment, **flags})
    except ImproperlyConfigured as error:
        sentence = str(error)
        for name in {**environment, **flags}:
            source = f"--{_FLAGS.get(name, name.lower())}" if name in flags else f"${name}"
            sentence = sentence.replace(f"RESQUE[{name!r}]", source)
        raise ImproperlyConfigured(sentence) from error


def _from_flags(given: dict[str, Any]) -> dict[str, Any]:
    flags = {name.upper(): given[name] for name in _OF_SETTINGS if name in given}
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
