"""
Failures: what is kept of a job that went wrong, in Ruby's form.

Every text in one must be readable by every client of the family, whatever the
payload or the exception held.
"""

import base64
import builtins
import re
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, get_args

from . import dates
from .arguments import MAX_DEPTH
from .errors import DirtyExit
from .masking import masked_text
from .wire import (
    UNREADABLE,
    Payload,
    Reservation,
    cut_fields,
    decoded,
    dumps,
    loads,
    raw,
    readable,
    text_of,
)

#: Longest error text kept in a failure, in characters. A page must stay readable.
MAX_ERROR = 10_000

#: Most lines of a backtrace kept, half of them from either end.
MAX_LINES = 400

#: That of a worker, as far as its failures tell.
Language = Literal["python", "ruby", "php", "node", "unknown"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

#: Nobody names his language, but each library writes its dates, and its backtraces, in one way.
_NODE = re.compile(r"\w{3} \w{3} \d\d \d{4} [\d:]+ GMT")
_PHP = re.compile(r"\d{4}-\d\d-\d\dT|\w{3} \w{3} [ \d]\d [\d:]+ \w+ \d{4}")
_RUBY_OR_PYTHON = re.compile(r"\d{4}/\d\d/\d\d ")
_RUBY_LINE = re.compile(r":\d+:in [`']")

_PACKAGE = str(Path(__file__).parent)


@dataclass(frozen=True, slots=True)
class Failure:
    """
    One element of the failed list, in Ruby's seven fields and order.

    `payload` is JSON text, byte for byte what was enqueued; `raw` the whole
    element. Fields that another client left out are "".
    """

    failed_at: str
    payload: str
    exception: str
    error: str
    backtrace: list[str]
    worker: str
    queue: str
    raw: str = ""

    @classmethod
    def of(cls, error: BaseException, reservation: Reservation, now: float) -> Self:
        return cls(
            failed_at=dates.failed_at(now),
            payload=_displayable(reservation.payload),
            exception=_exception_name(error),
            error=_shortened(_message(error)),
            backtrace=_backtrace(error),
            worker=reservation.worker_id,
            queue=reservation.queue,
        )

    def encode(self) -> str:
        head = dumps({"failed_at": self.failed_at})[:-1]
        tail = dumps(
            {
                "exception": self.exception,
                "error": self.error,
                "backtrace": self.backtrace,
                "worker": self.worker,
                "queue": self.queue,
            }
        )[1:]
        return f'{head},"payload":{self.payload},{tail}'

    @classmethod
    def decode(cls, raw: str) -> Self:
        """Never raises: an operator must be able to see what cannot be read."""
        fields = cut_fields(raw)
        if not fields:
            text = readable(raw)
            payload = dumps({"class": UNREADABLE, "args": [text]})
            return cls("", payload, UNREADABLE, masked_text(text), [], "", "", raw)
        found = {name: loads(text) for name, text in fields.items() if name != "payload"}
        return cls(
            failed_at=text_of(found.get("failed_at")),
            payload=fields.get("payload", "null"),
            exception=text_of(found.get("exception")),
            error=text_of(found.get("error")),
            backtrace=_lines(found.get("backtrace")),
            worker=text_of(found.get("worker")),
            queue=text_of(found.get("queue")),
            raw=raw,
        )

    @property
    def language(self) -> Language:
        """That of the worker, judged by the forms in which it writes."""
        if _NODE.match(self.failed_at):
            return "node"
        if _PHP.match(self.failed_at):
            return "php"
        if not _RUBY_OR_PYTHON.match(self.failed_at):
            return "unknown"
        ruby = "::" in self.exception or any(map(_RUBY_LINE.search, self.backtrace[:1]))
        return "ruby" if ruby else "python"

    @property
    def original(self) -> str:
        """The payload as it stood in its queue at the first try, for putting it back."""
        payload = Payload.read(self._unwrapped())
        return payload.with_attempt(1).raw if payload.attempt > 1 else payload.raw

    def _unwrapped(self) -> str:
        try:
            fields = loads(self.payload)
            if isinstance(fields, dict) and fields.get("unreadable") is True:
                if encoded := fields.get("base64"):
                    return base64.b64decode(encoded).decode("utf-8", "surrogateescape")
                return str(fields["args"][0])
        except (ValueError, LookupError, TypeError):
            pass  # Somebody else's "unreadable": not our wrapping, so nothing to unwrap.
        return self.payload


def _displayable(payload: Payload) -> str:
    """
    A payload as it may stand in a failure: JSON that Ruby's parser can read.

    What would break a reader is wrapped as text in an object of the usual shape;
    `Failure.original` unwraps it.
    """
    fields, problem = decoded(payload.raw)
    if not problem and _portable(fields, payload.raw):
        return payload.raw
    text = readable(payload.raw)
    wrapped = {"class": _clean(payload.job), "args": [text], "unreadable": True}
    if text != payload.raw:
        original = raw(payload.raw)
        wrapped["base64"] = base64.b64encode(original).decode("ascii")
    return dumps(wrapped)


def _portable(fields: dict[str, Any], raw: str) -> bool:
    """False for a depth or a lone surrogate that readers of other languages die of."""
    deepest = MAX_DEPTH + 1  # The payload is one level around its args.
    if raw.count("[") + raw.count("{") > deepest and _depth(fields) > deepest:
        return False
    return r"\ud" not in raw.lower() or _clean(dumps(fields)) == dumps(fields)


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        inner = [item.values() if isinstance(item, dict) else item for item in level]
        level = [item for items in inner for item in items if isinstance(item, dict | list)]
        depth += 1
    return depth


def _clean(text: str) -> str:
    """Without lone surrogates, which cannot be written."""
    return text.encode("utf-8", "backslashreplace").decode()


def _lines(backtrace: Any) -> list[str]:
    if isinstance(backtrace, str):
        return backtrace.splitlines()
    return [text_of(line) for line in backtrace] if isinstance(backtrace, list) else []


def _shortened(text: str) -> str:
    if len(text) <= MAX_ERROR:
        return text
    return f"{text[:MAX_ERROR]}... ({len(text)} characters)"


def described(error: BaseException | None) -> str:
    """An exception in one text; "" for none."""
    return f"{_exception_name(error)}: {_message(error)}"[:MAX_ERROR] if error is not None else ""


def _exception_name(error: BaseException) -> str:
    """Bare for Python's and our own, dotted for the project's."""
    # Not by isinstance, which asks the error itself for its class: user code.
    kind = DirtyExit if issubclass(type(error), DirtyExit) else type(error)
    if kind.__module__ in (builtins.__name__, f"{__package__}.errors"):
        return kind.__qualname__
    return _clean(f"{kind.__module__}.{kind.__qualname__}")


def _message(error: BaseException) -> str:
    try:
        return _clean(str(error))
    except BaseException as second:  # noqa: BLE001 -- user code: __str__ may raise anything
        return f"(its text cannot be shown: __str__ raised {type(second).__name__})"


#: What an error was raised with, past its own __getattribute__.
_traceback = vars(BaseException)["__traceback__"].__get__


def trace_of(error: BaseException) -> TracebackType | None:
    """Where it was raised, from the job's first frame on; None if that was in this package."""
    trace: TracebackType | None = _traceback(error)
    while trace and trace.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        trace = trace.tb_next
    return trace


def _backtrace(error: BaseException) -> list[str]:
    """Lines as Python prints them, causes included."""
    trace = trace_of(error)
    try:
        formatted = traceback.TracebackException(type(error), error, trace, compact=True).format()
        text = "".join(formatted) if trace else ""
    except BaseException as second:  # noqa: BLE001 -- formatting calls user code: __str__
        text = "".join(traceback.format_tb(trace))
        text += f"(no more of the traceback: formatting it raised {type(second).__name__})"
    lines = [_shortened(_clean(line)) for line in text.splitlines()]
    if len(lines) > MAX_LINES:
        left_out = f"  ... ({len(lines) - MAX_LINES} lines)"
        lines = [*lines[: MAX_LINES // 2], left_out, *lines[-MAX_LINES // 2 :]]
    return lines
