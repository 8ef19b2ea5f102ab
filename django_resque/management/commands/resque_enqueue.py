"""`manage.py resque_enqueue`: push a job from a shell."""

import argparse
import difflib
import json
import shlex
from datetime import datetime
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from django_resque import conf, rules
from django_resque.enqueueing import Bound
from django_resque.errors import EnqueueError, InvalidArguments, UnknownJob
from django_resque.management.commands._output import print_safely, shown
from django_resque.management.commands._usage import ResqueCommand, named, seconds
from django_resque.options import Options
from django_resque.registry import registry


class Command(ResqueCommand):
    help = (
        "Push a job and print its id. A job of this project has its arguments checked; any other "
        "name is taken for that of a job of another language. Exit code 0: queued; 1: not, or "
        "it is not known."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("queue", metavar="QUEUE", help="Push to this queue.")
        parser.add_argument("job", metavar="CLASS", help="Push the job of this wire name.")
        parser.add_argument(
            "arguments",
            nargs="*",
            default=[],  # Or it would be called required.
            metavar="JSON",
            help="Pass this to the job, one argument each: 7, true, '\"text\"', '{\"a\": [1]}'.",
        )
        when = parser.add_mutually_exclusive_group()
        when.add_argument(
            "--at", type=_time, metavar="ISO", help="Delay it until then: 2030-12-31T08:00+01:00."
        )
        when.add_argument(
            "--in", dest="delay", type=seconds, metavar="SECONDS", help="Delay it for so long."
        )

    def handle(self, **given: Any) -> None:
        queue, name = str(given["queue"]), str(given["job"])
        words = [_value(str(word)) for word in given["arguments"]]
        if problem := rules.queue_problem(queue) or _not_text(queue):
            raise CommandError(problem)
        named(name, "CLASS", "the name of a job")
        if problem := _not_text(name):
            raise CommandError(problem)
        try:
            options = Options(queue=queue, at=given["at"], delay=given["delay"])
            handle = self.enqueue(name, words, options)
        except (ImproperlyConfigured, InvalidArguments) as error:
            raise CommandError(shown(str(error))) from error
        except EnqueueError as error:
            raise CommandError(_not_queued(error)) from error
        if hint := _misspelt(queue):
            print_safely(self.stderr, f"{shown(hint)}\n")
        if handle.refused:
            raise CommandError(f"before_enqueue of {name} refuses it: nothing was queued.")
        print_safely(self.stdout, f"Queued job {handle.id}\n")

    def enqueue(self, name: str, args: list[Any], options: Options) -> Any:
        job: Any  # Of a name only, no checker knows the arguments.
        try:
            job = registry.find(name)
        except UnknownJob:
            job = name
            print_safely(self.stderr, f"{shown(_stranger(name))}\n")
        else:
            if job.args_style == "kwargs" and len(args) == 1 and isinstance(args[0], dict):
                return Bound(job, options).enqueue(**args[0])  # As it travels.
        return Bound(job, options).enqueue(*args)


def _value(word: str) -> Any:
    """What a word of the command line stands for."""
    try:
        return json.loads(word, parse_constant=_refused)
    except (ValueError, RecursionError):
        quoted = shlex.quote(json.dumps(word, ensure_ascii=False))
        raise CommandError(
            f"{word!r} is not JSON. If it is text, quote it twice: {shown(quoted)}"
        ) from None


def _refused(constant: str) -> NoReturn:
    raise ValueError(constant)


def _time(text: str) -> datetime:
    """The type of a flag that says when."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be a date and time like 2030-12-31T08:00+01:00, not {text!r}"
        ) from None
    if settings.USE_TZ and timezone.is_naive(found):
        raise argparse.ArgumentTypeError(
            f"must name its time zone, as in {found.isoformat()}Z or {found.isoformat()}+01:00"
        )
    return found


def _not_text(name: str) -> str:
    """Bytes that are no text come from the command line as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return f"The name {name!r} is not UTF-8 text."
    return ""


def _stranger(name: str) -> str:
    """A note about a job that is not ours, with the registered name that may have been meant."""
    known = sorted({each for job in registry.jobs() for each in (job.name, *job.aliases)})
    ends = [each for each in known if each.rpartition(".")[2] == name]
    close = ends or difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return (
        f"Note: no job is registered here as {name!r}, so only workers of another project or "
        f"language can perform it.{hint}"
    )


def _misspelt(queue: str) -> str:
    """A note about a queue of no job that is called much like that of one."""
    known = {each.queue or conf.options().default_queue for each in registry.jobs()}
    close = difflib.get_close_matches(queue, known, n=1)
    if queue in known or not close:
        return ""
    return f"Note: no job is registered for the queue {queue!r}. Did you mean {close[0]!r}?"


def _not_queued(error: EnqueueError) -> str:
    """Without `retry()`, which this process has no time for."""
    outcome = {
        "refused": "Nothing was queued.",
        "unknown": "Whether the job was queued is not known: look for it before you repeat this.",
    }
    cause = shown(str(error.__cause__).rstrip("."))
    return f"Redis at {conf.address()} did not take the job: {cause}. {outcome[error.outcome]}"
