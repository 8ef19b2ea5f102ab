"""Failures as resque_failures prints them, and how it is told which are meant."""

import argparse
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from inspect import Parameter
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from django_resque import conf, masking, search, wire
from django_resque.errors import UnknownJob
from django_resque.management.commands._output import columns, moment, shown
from django_resque.registry import registry
from django_resque.rows import FailureRow

#: Longest error in a list, in characters.
LONGEST = 80

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def since(text: str) -> datetime:
    """The type of --since: how long ago, or when."""
    try:
        if match := re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw]?)", text.strip()):
            ago = timedelta(seconds=float(match[1]) * _UNITS[match[2]])
            return datetime.now(UTC) - ago
        found = datetime.fromisoformat(text.strip())
        return found if found.tzinfo else timezone.make_aware(found)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            "must be a duration like 10m, 2h, 3d or 90 (seconds), or a time like 2026-11-20 or "
            f"2026-11-20T23:51, not {text!r}"
        ) from None


def limit(text: str) -> int:
    """The type of --limit."""
    if not text.isdecimal() or not 0 < int(text) <= 10**9:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, not {text!r}")
    return int(text)


def address(text: str) -> str:
    """A digest or its beginning, as a person typed it."""
    found = text.strip().lower()
    if not re.fullmatch(rf"[0-9a-f]{{{search.FEWEST},40}}", found):
        raise CommandError(
            f"{text!r} is no DIGEST of a failure: it must be {search.FEWEST} to 40 hex digits, "
            "from the first column of resque_failures list."
        )
    return found


def the_one(given: str, rows: list[FailureRow]) -> FailureRow | None:
    """The failure with this address; None if it is not there."""
    if len(rows) > 1:
        some = ", ".join(row.digest[: search.SHORT] for row in rows[:5])
        raise CommandError(
            f"{given!r} begins the DIGEST of {len(rows)} failures: {some}. Say more."
        )
    return rows[0] if rows else None


def table(rows: Iterable[FailureRow]) -> list[str]:
    """One line for each, under titles."""
    return columns(
        ("DIGEST", "WHEN", "QUEUE", "CLASS", "EXCEPTION", "ERROR"),
        [
            (
                row.digest[: search.SHORT],
                _when(row),
                row.failure.queue,
                row.payload.job,
                row.failure.exception,
                _short(row.failure.error),
            )
            for row in rows
        ],
    )


def everything(row: FailureRow, *, masked: bool) -> list[str]:
    """A failure in full."""
    failure = row.failure
    heads = {
        "Digest": row.digest,
        "When": _when(row),
        "Queue": failure.queue,
        "Class": row.payload.job,
        "Job": row.payload.id,
        "Worker": failure.worker,
        "Exception": failure.exception,
    }
    payload = _indented(_masked(row)) if masked else wire.readable(failure.payload)
    texts = {
        "Error": failure.error.splitlines(),
        "Backtrace": [line for lines in failure.backtrace for line in lines.splitlines()],
        "Payload": payload.splitlines(),
    }
    lines = [f"{name + ':':<11}{value}".rstrip() for name, value in heads.items()]
    for title, text in texts.items():
        if not text:
            continue
        lines += ["", f"{title}:", *(f"  {line}".rstrip() for line in text)]
    return [shown(line) for line in lines]


def fields(row: FailureRow) -> dict[str, Any]:
    """A failure for programs, as a list has it: without arguments."""
    failure = row.failure
    return {
        "digest": row.digest,
        "failed_at": row.when.astimezone(UTC).isoformat() if row.when else None,
        "queue": failure.queue,
        "class": row.payload.job,
        "id": row.payload.id,
        "exception": failure.exception,
        "error": failure.error,
        "worker": failure.worker,
    }


def all_fields(row: FailureRow, *, masked: bool) -> dict[str, Any]:
    payload = _masked(row) if masked else json.loads(row.failure.payload)
    return {**fields(row), "backtrace": row.failure.backtrace, "payload": payload}


def _when(row: FailureRow) -> str:
    return moment(row.when) if row.when else row.failure.failed_at


def _short(error: str) -> str:
    first = next(iter(error.strip().splitlines()), "")
    return first if len(first) <= LONGEST else f"{first[: LONGEST - 3]}..."


def _masked(row: FailureRow) -> Any:
    """The payload with a mask in place of what is named like a secret."""
    secret = masking.secrets(conf.options().mask)
    found = masking.masked(json.loads(row.failure.payload), secret)
    if isinstance(found, dict) and isinstance(found.get("args"), list):
        parameters = _parameters(row.payload.job)
        found["args"] = masking.masked_arguments(row.payload.args, parameters, secret)
    return found


def _parameters(job: str) -> Iterable[Parameter]:
    try:
        return registry.find(job).signature.parameters.values()
    except UnknownJob:
        return ()


def _indented(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
