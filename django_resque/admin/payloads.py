"""
What a failed job was given, as a page shows it: JSON, with a mask in place of secrets.
"""

import json
from typing import Any

from django.utils.text import Truncator
from django.utils.translation import gettext as _

from django_resque import masking
from django_resque.errors import UnknownJob
from django_resque.registry import registry
from django_resque.rows import FailureRow

#: Longest arguments in a row of a list, in characters.
SHORT = 80


def arguments(row: FailureRow) -> str:
    """All arguments, indented."""
    try:
        return _indented(_masked_arguments(row))
    except RecursionError:
        return _too_deep()


def short_arguments(row: FailureRow) -> str:
    """The arguments in one line, cut off where that gets long."""
    try:
        values = [json.dumps(value, ensure_ascii=False) for value in _masked_arguments(row)]
    except RecursionError:
        return _too_deep()
    return Truncator(", ".join(values)).chars(SHORT)


def whole(row: FailureRow) -> str:
    """The payload with every field it has, indented."""
    try:
        fields = masking.masked(json.loads(row.failure.payload))
        if isinstance(fields, dict) and isinstance(fields.get("args"), list):
            fields["args"] = _masked_arguments(row)
        return _indented(fields)
    except RecursionError:
        return _too_deep()


def _masked_arguments(row: FailureRow) -> list[Any]:
    """An argument is named by the registered job's parameter, if there is such a job."""
    try:
        job = registry.find(row.payload.job)
    except UnknownJob:
        return masking.masked_arguments(row.payload.args, ())
    return masking.masked_arguments(row.payload.args, job.signature.parameters.values())


def _indented(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _too_deep() -> str:
    return _("(nested too deeply to be shown)")
