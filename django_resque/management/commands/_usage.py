"""What the commands have in common: how they refuse what a person got wrong."""

import argparse
import math
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser


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

        parser.error = error  # type: ignore[method-assign]  # Django takes no class of parser
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except CommandError as error:
            if error.returncode == 1:  # Django's default.
                error.returncode = self.refused
            raise


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
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of seconds, 0 or above, not {text!r}")
    return found
