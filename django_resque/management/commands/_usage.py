"""What the commands have in common: how they refuse what a person got wrong."""

import argparse
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_resque import conf, monitor, waiting
from django_resque.management.commands._output import print_safely, shown


class ResqueCommand(BaseCommand):
    """A command that leaves with its own exit code for mistakes, not with argparse's 2."""

    #: Exit code for usage, settings, and each CommandError that names none.
    refused = 1

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        complain = parser.error

        def error(message: str) -> None:
            try:
                complain(message)
            except SystemExit as leaving:
                leaving.code = self.refused
                raise
            except CommandError as refusal:  # Called by a program.
                refusal.returncode = self.refused
                raise

        # Or a word behind a flag would not be recognised.
        parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]  # the same
        parser.error = error  # type: ignore[method-assign]  # Django takes no class of parser
        return parser

    def confirm(self, question: str, *, asked: bool) -> None:
        """Return if a person agrees, or has agreed by --yes; else refuse."""
        if asked:
            return
        if not (sys.stdin and sys.stdin.isatty()):
            raise CommandError(f"{question} Nobody is there to be asked: say --yes to do it.")
        try:
            print_safely(self.stdout, shown(f"{question} Go on? [y/N] "))
            agreed = sys.stdin.readline().strip().lower() in ("y", "yes")
        except KeyboardInterrupt:
            agreed = False
        if not agreed:
            raise CommandError("Nothing was done.")

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except CommandError as error:
            if error.returncode == 1:  # Django's default.
                error.returncode = self.refused
            raise


def unavailable(error: Exception) -> str:
    """What to say of a Redis that is away or refuses."""
    return (
        f"Redis at {conf.address()} cannot be asked: {shown(waiting.reason(error))}. "
        f"{waiting.remedy(error)}"
    )


@contextmanager
def in_one_sentence(interrupted: str, code: int = 1) -> Iterator[None]:
    """
    Refuse in one sentence when the settings are wrong or, with this exit code, when Redis
    cannot be asked or a person loses patience.
    """
    try:
        yield
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
    except monitor.Unavailable as error:
        raise CommandError(unavailable(error), returncode=code) from error
    except KeyboardInterrupt:
        raise CommandError(interrupted, returncode=code) from None


def named(value: str | None, flag: str, what: str) -> str | None:
    """
    The value of a flag, None if it was not given. Refuses an empty one: mostly that of a
    variable that is not set, and never meant as "all" or "none".
    """
    if value is not None and not value.strip():
        raise CommandError(f"{flag} must be {what}, not {value!r}. Is a variable empty?")
    return value


def seconds(text: str) -> float:
    """The type of a flag that says how long to wait."""
    found = _number(text)
    if not 0 <= found < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of seconds, 0 or above, not {text!r}")
    return found


def megabytes(text: str) -> float:
    """The type of a flag that says how large something may be."""
    found = _number(text)
    if not 0 < found < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of megabytes above 0, not {text!r}")
    return found


def positive(text: str) -> int:
    """The type of a flag that says how many."""
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, not {text!r}")
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
