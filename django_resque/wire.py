"""
What travels through Redis: payloads, reservations, statuses. Failures are in failure.py.

Field names and order follow Ruby Resque 3.0 and php-resque; encoders are exact, decoders take
what any client of the family writes. Nothing here talks to Redis or Django.

Text from Redis is `str` in which bytes that are not UTF-8 stand as lone
surrogates (Python's "surrogateescape"), so that every text goes back byte for byte.
"""

import json
import math
import re
from dataclasses import dataclass, replace
from typing import Any, NoReturn, Self

from . import dates

WAITING, RUNNING, FAILED, COMPLETE = 1, 2, 3, 4

#: What people read for the codes of php-resque.
STATUS_NAMES = {WAITING: "waiting", RUNNING: "running", FAILED: "failed", COMPLETE: "complete"}

#: Class shown for a payload that names none.
UNREADABLE = "(unreadable)"

#: The head of a record of ours, up to its payload. See `Reservation`.
_OUR_RECORD = re.compile(
    r'(\{"queue":("(?:[^"\\]|\\.)*"),"run_at":"([^"]*)","worker":"(?:[^"\\]|\\.)*",'
    r'"token":"([^"]*)","payload":)(.*)\}',
    re.DOTALL,
)

#: What the reserve script makes of a payload that is no object: see _record.lua.
_QUOTED = re.compile(r'''"(?:[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u00[01][0-9a-f]|\\u007f)*+"''')


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    """1e999 is JSON by its grammar, but no number that anybody could write again."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large")
    return number


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
_SPACE = re.compile(r"\s*")


def dumps(value: Any) -> str:
    """JSON as the family writes it: compact, UTF-8 unescaped, never NaN."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True, slots=True)
class Payload:
    """
    One job as it waits in a queue.

    `raw` is its text on the wire: `{"class","args","id","prefix","queue_time"}`.
    Payloads of other clients may lack an id ("") and bear fields of their own.
    """

    job: str  #: The wire name, "class" on the wire.
    args: list[Any]
    id: str
    prefix: str
    raw: str
    attempt: int = 1  #: Which try this is. A field of ours, from the second on.
    problem: str = ""  #: Why it cannot be performed, in one sentence; "" if it can.
    queued: Any = None  #: php-resque's and our "queue_time", pyres' "enqueue_timestamp", if any.

    @classmethod
    def new(cls, job: str, args: list[Any], job_id: str, now: float) -> Self:
        """`args` must have passed `arguments.check`."""
        queued = round(now, 6)
        fields = {"class": job, "args": args, "id": job_id, "prefix": "", "queue_time": queued}
        return cls(job, args, job_id, "", dumps(fields), queued=queued)

    @classmethod
    def read(cls, raw: str) -> Self:
        """
        Any client's payload. Never raises: what is wrong with it stands in `problem`.

        Missing and null args mean none; an object or a scalar is one argument.
        """
        fields, problem = decoded(raw)
        job = fields.get("class")
        if not problem and (not isinstance(job, str) or not job):
            # Its arguments are other people's data, and this sentence goes into logs.
            names = readable(", ".join(fields)) or "none"
            problem = f'The payload names no "class"; its fields: {names}.'
        args = fields.get("args")
        return cls(
            job=job if isinstance(job, str) and job else UNREADABLE,
            args=args if isinstance(args, list) else [] if args is None else [args],
            id=text_of(fields.get("id")),
            prefix=text_of(fields.get("prefix")),
            raw=raw,
            attempt=_counted(fields.get("attempt")),
            problem=problem,
            queued=fields.get("queue_time") or fields.get("enqueue_timestamp"),
        )

    def waited(self, now: float) -> float | None:
        """Seconds in its queue. None if it does not tell; a later try would tell of the first."""
        at = self.queued
        plausible = type(at) in (float, int) and 1e9 < at < 1e11
        return max(0.0, now - at) if plausible and self.attempt == 1 else None

    def with_args(self, args: list[Any]) -> Self:
        """The same with other arguments. Every other field stays as its bytes are."""
        fields = cut_fields(self.raw)
        fields["args"] = dumps(args)
        text = ",".join(f"{dumps(name)}:{value}" for name, value in fields.items())
        return replace(self, args=args, raw=f"{{{text}}}")

    def with_attempt(self, attempt: int) -> Self:
        """The same for another try. It stands before the id, which scripts look for at the end."""
        fields = cut_fields(self.raw)
        fields.pop("attempt", None)
        parts = [f"{dumps(name)}:{text}" for name, text in fields.items()]
        if attempt > 1:
            at = list(fields).index("id") if "id" in fields else len(parts)
            parts.insert(at, f'"attempt":{attempt}')
        return replace(self, attempt=attempt, raw=f"{{{','.join(parts)}}}")


@dataclass(frozen=True, slots=True)
class Reservation:
    """
    A job in a worker's hands. Its text is the worker's record:
    `{"queue","run_at","worker","token","payload"}`, the payload spliced in as it was.

    `head` is the record up to the payload. It bears the token, which the caller drew, so it
    stands for the whole record where a worker settles; what returns or ends it compares both.
    """

    worker_id: str
    queue: str
    run_at: str
    token: str
    head: str
    payload: Payload

    @classmethod
    def read(cls, worker_id: str, raw: str) -> Self:
        """A record found in Redis, by any client. Never raises."""
        if match := _OUR_RECORD.fullmatch(raw):
            head, queue, at, token, payload = match.groups()
            original = Payload.read(_unquoted(payload))
            return cls(worker_id, text_of(loads(queue)), at, token, head, original)
        fields = cut_fields(raw)
        return cls(
            worker_id,
            queue=text_of(loads(fields.get("queue", ""))),
            run_at=text_of(loads(fields.get("run_at", ""))),
            token="",
            head=raw,
            payload=Payload.read(fields.get("payload", raw)),
        )


def head(queue: str, rest: str) -> str:
    """The head of a record, up to its payload: what the reserve script wrote."""
    return f'{{"queue":{dumps(queue)}{rest}'


def head_rest(worker_id: str, token: str, now: float) -> str:
    """The head of a record after the queue's name. `worker` is what node-resque looks for."""
    worker = dumps(worker_id.rsplit(":", 1)[0])
    return f',"run_at":"{dates.run_at(now)}","worker":{worker},"token":"{token}","payload":'


@dataclass(frozen=True, slots=True)
class Status:
    """The status of a tracked job, php-resque's four fields. Times are unix seconds."""

    code: int
    updated: int
    started: int  #: When it was enqueued; php-resque's word.
    result: Any = None

    def encode(self) -> str:
        fields = {"status": self.code, "updated": self.updated, "started": self.started}
        return dumps({**fields, "result": self.result})

    @classmethod
    def decode(cls, raw: str) -> Self | None:
        """None for what is no status. Older php-resques leave `started` and `result` out."""
        fields = loads(raw)
        if not isinstance(fields, dict) or not isinstance(fields.get("status"), int):
            return None
        updated = _integer(fields.get("updated"))
        return cls(fields["status"], updated, _integer(fields.get("started")), fields.get("result"))

    @property
    def name(self) -> str:
        return STATUS_NAMES.get(self.code, str(self.code))

    @property
    def ended(self) -> bool:
        return self.code in (FAILED, COMPLETE)


def raw(text: str) -> bytes:
    """
    The bytes that Redis has for a text of ours; redis-py with hiredis would refuse some.
    A lone surrogate that another client wrote as an escape has none: a question mark.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def readable(text: str) -> str:
    """`text` with a replacement character for each byte that is not UTF-8."""
    return raw(text).decode("utf-8", "replace")


def cut_fields(text: str) -> dict[str, str]:
    """The JSON text of each field of an object, cut out as it stands; {} if it is none."""
    found: dict[str, str] = {}
    try:
        at = _skip(text, 0)
        if text[at] != "{":
            return {}
        at = _skip(text, at + 1)
        while text[at] != "}":
            name, at = _DECODER.raw_decode(text, at)
            at = _skip(text, at)
            if text[at] != ":" or not isinstance(name, str):
                return {}
            start = _skip(text, at + 1)
            _, at = _DECODER.raw_decode(text, start)
            found[name] = text[start:at]
            at = _skip(text, at)
            if text[at] == ",":
                at = _skip(text, at + 1)
    except (ValueError, IndexError, RecursionError):
        return {}
    return found


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def loads(text: str) -> Any:
    """The value, or None for what is not JSON."""
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None


def _unquoted(payload: str) -> str:
    """Undo the quoting. A string that somebody has written into our record is left as it is."""
    return str(json.loads(payload)) if _QUOTED.fullmatch(payload) else payload


def decoded(raw: str) -> tuple[dict[str, Any], str]:
    """The fields of a JSON object, and what is wrong with the text if it is none."""
    try:
        raw.encode()
        fields = _DECODER.decode(raw)
    except UnicodeEncodeError:
        return {}, "The payload is not UTF-8 text."
    except RecursionError:
        return {}, "The payload is nested too deeply to be read."
    except ValueError as error:
        return {}, f"The payload is not JSON: {error}."
    if isinstance(fields, dict):
        return fields, ""
    return {}, f"The payload is not a JSON object but a {type(fields).__name__}."


def text_of(value: Any) -> str:
    """Text for a field that should hold some; what another client put there, readable."""
    if value is None or isinstance(value, str):
        return value or ""
    try:
        return dumps(value)
    except (ValueError, RecursionError):
        return UNREADABLE


def _counted(value: Any) -> int:
    """An attempt, counted from 1; of what cannot be one, the first."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 1 else 1


def _integer(value: Any) -> int:
    return int(value) if isinstance(value, int | float) else 0
