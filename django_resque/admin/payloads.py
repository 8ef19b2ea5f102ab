"""
What a job was given, as a page shows it: JSON, with a mask in place of secrets.
"""

import json
import re
from datetime import datetime
from typing import Any, Protocol

from django.utils.text import Truncator
from django.utils.translation import gettext as _

from django_resque import conf, dates, masking, wire
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
    found = masked_arguments(payload)
    try:
        return _too_deep() if found is None else _indented(found)
    except RecursionError:
        return _too_deep()


def short_arguments(payload: Payload) -> str:
    """The arguments in one line, cut off where that gets long."""
    found = masked_arguments(payload)
    try:
        values = [json.dumps(value, ensure_ascii=False) for value in found or ()]
    except RecursionError:
        found = None
    if found is None:
        return _too_deep()
    return Truncator(", ".join(values)).chars(SHORT)


def words(payload: wire.Payload) -> str:
    """Class, id and arguments, for a search: without what is masked."""
    if payload.problem:
        return masking.masked_text(payload.raw, _secret())
    try:
        found = json.dumps(masked_arguments(payload), ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        found = ""
    return f"{payload.job}\n{payload.id}\n{found}"


def whole(row: FailureRow) -> str:
    """The payload with every field it has, indented."""
    try:
        fields = masking.masked(json.loads(row.failure.payload), _secret())
        if isinstance(fields, dict) and isinstance(fields.get("args"), list):
            fields["args"] = masked_arguments(row.payload)
        return _indented(fields)
    except RecursionError:
        return _too_deep()


def enqueued(payload: wire.Payload) -> datetime | None:
    """When it was enqueued first; None if it does not tell."""
    fields = wire.loads(payload.raw)
    told = fields.get("queue_time") if isinstance(fields, dict) else None
    return dates.instant(str(told)) if isinstance(told, int | float) else None


def result(value: Any) -> str:
    """What a job returned, indented; "" for nothing."""
    try:
        return "" if value is None else _indented(masking.masked(value, _secret()))
    except RecursionError:
        return _too_deep()


def masked_arguments(payload: Payload) -> list[Any] | None:
    """
    As values; None if they are nested too deeply. An argument is named by the registered
    job's parameter, if there is such a job.
    """
    try:
        parameters = tuple(registry.find(payload.job).signature.parameters.values())
    except UnknownJob:
        parameters = ()
    try:
        return masking.masked_arguments(payload.args, parameters, _secret())
    except RecursionError:
        return None


def _secret() -> re.Pattern[str]:
    return masking.secrets(conf.options().mask)


def _indented(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _too_deep() -> str:
    return _("(nested too deeply to be shown)")
