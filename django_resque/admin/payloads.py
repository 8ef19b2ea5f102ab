"""
What a job was given, as a page shows it: JSON, with a mask in place of secrets.
"""

import json
from typing import Any, Protocol

from django.utils.text import Truncator
from django.utils.translation import gettext as _

from django_resque import masking
from django_resque.errors import UnknownJob
from django_resque.registry import registry
from django_resque.rows import FailureRow


class Payload(Protocol):
    """What of a payload is read here."""

    @property
    def job(self) -> str: ...
    @property
    def args(self) -> list[Any]: ...


#: Longest arguments in a row of a list, in characters.
SHORT = 80


def arguments(payload: Payload) -> str:
    """All arguments, indented."""
    try:
        return _indented(_masked_arguments(payload))
    except RecursionError:
        return _too_deep()


def short_arguments(payload: Payload) -> str:
    """The arguments in one line, cut off where that gets long."""
    try:
        values = [json.dumps(value, ensure_ascii=False) for value in _masked_arguments(payload)]
    except RecursionError:
        return _too_deep()
    return Truncator(", ".join(values)).chars(SHORT)


def whole(row: FailureRow) -> str:
    """The payload with every field it has, indented."""
    try:
        fields = masking.masked(json.loads(row.failure.payload))
        if isinstance(fields, dict) and isinstance(fields.get("args"), list):
            fields["args"] = _masked_arguments(row.payload)
        return _indented(fields)
    except RecursionError:
        return _too_deep()


def result(value: Any) -> str:
    """What a job returned, indented; "" for nothing."""
    try:
        return "" if value is None else _indented(masking.masked(value))
    except RecursionError:
        return _too_deep()


def _masked_arguments(payload: Payload) -> list[Any]:
    """An argument is named by the registered job's parameter, if there is such a job."""
    try:
        job = registry.find(payload.job)
    except UnknownJob:
        return masking.masked_arguments(payload.args, ())
    return masking.masked_arguments(payload.args, job.signature.parameters.values())


def _indented(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _too_deep() -> str:
    return _("(nested too deeply to be shown)")
