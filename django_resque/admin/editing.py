"""The arguments of a failed job as text that a person edits, and back."""

import json
from typing import Any

from django.utils.translation import gettext as _

from django_resque import arguments, masking, wire
from django_resque.errors import InvalidArguments, UnknownJob
from django_resque.registry import registry
from django_resque.rows import FailureRow

from . import payloads


class Refused(ValueError):
    """Why the text is no list of arguments for the job, in a sentence."""


def is_possible(row: FailureRow) -> bool:
    """Whether the payload can be written anew, with other arguments and all else as it was."""
    return bool(
        row.failure.queue
        and not row.payload.problem
        and wire.cut_fields(row.failure.original)
        and payloads.masked_arguments(row.payload) is not None
    )


def read(text: str, row: FailureRow) -> list[Any]:
    """
    The arguments, with the original behind each mask that was left where it stood. Raises
    Refused.
    """
    try:
        shown = payloads.masked_arguments(row.payload)
        args: list[Any] = masking.unmasked(_listed(text), shown, row.payload.args)
        arguments.check(args)
        _check_call(row.payload.job, args)
    except masking.Unknown as error:
        text = _(
            "A mask (%(mask)s) stands where none was, or in a list that is longer or shorter than "
            "before: write the value that is meant."
        )
        raise Refused(text % {"mask": masking.MASK}) from error
    except InvalidArguments as error:
        raise Refused(str(error)) from error
    except RecursionError as error:
        text = _("The arguments are nested deeper than %(depth)d levels.")
        raise Refused(text % {"depth": arguments.MAX_DEPTH}) from error
    return args


def _listed(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Refused(_("This is not JSON: %(error)s.") % {"error": error}) from error
    if not isinstance(found, list):
        raise Refused(_("The arguments are a list: put [ before them and ] after them."))
    return found


def _check_call(name: str, args: list[Any]) -> None:
    """Of a job of another language nothing is known."""
    try:
        job = registry.find(name)
    except UnknownJob:
        return
    if job.args_style == "kwargs" and len(args) == 1 and isinstance(args[0], dict):
        arguments.by_name(name, job.signature, (), args[0])
    else:
        arguments.by_position(name, job.signature, tuple(args), {})
