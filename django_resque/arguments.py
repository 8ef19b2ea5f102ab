"""
Which arguments may travel: plain JSON that every Resque worker can read.

The limits are the narrowest peer's: NaN, lone surrogates and deep nesting kill a
Ruby worker together with the job (measured with Resque 3.0), so they are refused
where the mistake is made.
"""

import datetime
import decimal
import inspect
import json
import math
import uuid
from collections.abc import Iterator
from typing import Any

from .errors import InvalidArguments

#: Levels of lists and objects, the argument list itself included. Ruby's parser
#: stops at 100, and the failure record wraps the payload in one level more.
MAX_DEPTH = 98

#: The largest integer up to which a double, JavaScript's only number, has every one.
MAX_EXACT = 2**53

_HINTS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    ((datetime.datetime, datetime.date, datetime.time), "pass .isoformat()"),
    (datetime.timedelta, "pass .total_seconds()"),
    (decimal.Decimal, "pass str(...)"),
    (uuid.UUID, "pass str(...)"),
    ((bytes, bytearray, memoryview), "pass text, or base64 of it"),
    ((set, frozenset), "pass sorted(...) or list(...)"),
)


def by_position(
    job: str,
    signature: inspect.Signature | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> list[Any]:
    """
    The call as positional arguments, which is all that Resque knows.

    Keyword arguments go to their positions, defaults fill the gaps before them.
    Without a signature, which is a job of another language, there are only positions.
    Raises InvalidArguments if the call does not fit.
    """
    if signature is None:
        if kwargs:
            raise InvalidArguments(
                f"{job} is known by name only, so its arguments have no names here "
                f"({', '.join(kwargs)}): pass them by position, or as one dict."
            )
        return list(args)
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise InvalidArguments(f"{job}{signature} cannot be called so: {error}.") from error
    if kwargs:
        bound.apply_defaults()
    if bound.kwargs:
        raise InvalidArguments(
            f"{job}{signature}: {', '.join(bound.kwargs)} can be given by keyword only, and Resque "
            "arguments travel by position. Remove the * from perform's parameters."
        )
    return _without_defaults(bound, set(kwargs)) if kwargs else list(bound.args)


def by_name(
    job: str, signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[Any]:
    """The call as one object of keyword arguments, which is PHP's shape."""
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise InvalidArguments(f"{job}{signature} cannot be called so: {error}.") from error
    named = dict(bound.arguments)
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            named.update(named.pop(parameter.name, {}))
        elif parameter.kind is parameter.VAR_POSITIONAL and named.get(parameter.name):
            raise InvalidArguments(
                f"{job}{signature}: *{parameter.name} has no names, and this job's arguments "
                'travel by name (args_style = "kwargs").'
            )
    return [named]


def _without_defaults(bound: inspect.BoundArguments, named: set[str]) -> list[Any]:
    """Cut the defaults after the last argument that was given: the job has them itself."""
    values = list(bound.args)
    names = list(bound.arguments)[: len(values)]
    last = max(names.index(name) for name in named)
    return values[: last + 1]


def check(args: list[Any]) -> None:
    """Raise InvalidArguments naming the path of the first value that cannot travel."""
    for position, value in enumerate(args):
        _check(value, f"args[{position}]", 2)


def check_names(**names: Any) -> None:
    """Raise InvalidArguments for a job's or a queue's name that is no text, or empty."""
    for kind, name in names.items():
        if not isinstance(name, str) or not name:
            raise InvalidArguments(f"The name of a {kind} is text, not {name!r}.")
        _check_text(name, f"The name of the {kind}")


def rounded(args: list[Any]) -> str:
    """
    The path of the first integer that a reader in JavaScript would round; "" for none.

    Ours, Ruby's and (up to 2^63) PHP's workers read them exactly, so who enqueues a job of
    this project is told nothing: ids of 64 bits are common, and nobody would be harmed.
    """
    found = (path for value, path in _integers(args, "args") if abs(value) > MAX_EXACT)
    return next(found, "")


def _integers(value: Any, path: str) -> Iterator[tuple[int, str]]:
    if isinstance(value, int):
        yield value, path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _integers(item, f"{path}[{json.dumps(key)}]")
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            yield from _integers(item, f"{path}[{position}]")


def _check(value: Any, path: str, depth: int) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, int):
        _check_integer(value, path)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidArguments(f"{path}: {value!r} is not JSON; pass None or a finite number.")
    elif isinstance(value, dict | list | tuple):
        _check_container(value, path, depth)
    else:
        raise InvalidArguments(f"{path}: {type(value).__name__} is not JSON; {_hint(value)}.")


def _check_container(value: Any, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidArguments(
            f"{path.partition(']')[0]}]: args are nested deeper than {MAX_DEPTH} levels "
            "(or contain themselves); "
            "pass an id and load the data in the job."
        )
    if not isinstance(value, dict):
        for position, item in enumerate(value):
            _check(item, f"{path}[{position}]", depth + 1)
        return
    for key, item in value.items():
        if not isinstance(key, str):
            raise InvalidArguments(
                f"{path}: the key {key!r} is not text, and JSON has only text keys; pass str(...)."
            )
        _check_text(key, f"{path}, the key {key!r}")
        _check(item, f"{path}[{json.dumps(key)}]", depth + 1)


def _check_text(value: str, path: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidArguments(
            f"{path}: a lone surrogate {value[error.start]!r} is not Unicode text; "
            'clean it with .encode("utf-8", "replace").decode().'
        ) from error


def _check_integer(value: int, path: str) -> None:
    try:
        int.__repr__(value)
    except ValueError as error:
        raise InvalidArguments(
            f"{path}: the integer is too long to be written; pass hex(...)."
        ) from error


def _hint(value: Any) -> str:
    for types, hint in _HINTS:
        if isinstance(value, types):
            return hint
    if hasattr(value, "_meta") and hasattr(value, "pk"):
        return "pass its primary key, .pk, and load it in the job"
    if hasattr(value, "values_list"):
        return "pass a list of primary keys"
    return "pass text, numbers, True, False, None, lists and dicts of them"
