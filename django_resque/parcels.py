"""
Jobs on their way to Redis, and the words in which the scripts push and delay them.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from . import wire
from .items import Item
from .keys import Keys

#: Seconds the status of a job lives that is not at its end, renewed at each step.
UNENDED_TTL = 7 * 86400

#: Seconds an untracked push is remembered, and so may be repeated.
PUSHED_TTL = 600

#: Jobs of one round trip, and of one script in it, which holds Redis for 1 to 3 ms. A job
#: that is delayed is four writes.
AT_ONCE = 1000
PUSHED, DELAYED = 500, 100


#: KEYS and ARGV of a script.
Call = tuple[list[str], list[str | int]]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A job on its way to Redis."""

    queue: str
    payload: wire.Payload
    track: bool = True
    due: int | None = None  #: Whole unix seconds; None: at once.


def round_trips(keys: Keys, parcels: Sequence[Parcel]) -> Iterator[tuple[str, list[Call]]]:
    """A script, and the calls of it that go together: first what is due at once."""
    waiting = [parcel for parcel in parcels if parcel.due is None]
    delayed = [parcel for parcel in parcels if parcel.due is not None]
    for chunk in _chunks(waiting, AT_ONCE):
        yield "push", [_pushing(keys, each) for each in _chunks(chunk, PUSHED)]
    for chunk in _chunks(delayed, AT_ONCE):
        yield "delay", [_delaying(keys, each) for each in _chunks(chunk, DELAYED)]


def _pushing(keys: Keys, parcels: list[Parcel]) -> Call:
    """KEYS and ARGV of push.lua."""
    words, now = [keys.queues], int(time.time())
    args: list[str | int] = [UNENDED_TTL, PUSHED_TTL]
    for parcel in parcels:
        job_id = parcel.payload.id
        words += [
            keys.queue(parcel.queue),
            keys.status(job_id),
            keys.pushed(job_id),
        ]
        args += [parcel.queue, parcel.payload.raw, _waiting(parcel, now)]
    return words, args


def _delaying(keys: Keys, parcels: list[Parcel]) -> Call:
    """KEYS and ARGV of delay.lua."""
    words, now = [keys.schedule], int(time.time())
    args: list[str | int] = [PUSHED_TTL]
    for parcel in parcels:
        job_id, due = parcel.payload.id, parcel.due or 0
        item = Item.new(parcel.queue, parcel.payload, track=parcel.track).raw
        words += [
            keys.delayed(due),
            keys.timestamps(item),
            keys.status(job_id),
            keys.pushed(job_id),
        ]
        lives = max(0, due - now) + UNENDED_TTL
        args += [due, item, keys.delayed_name(due), _waiting(parcel, now), lives]
    return words, args


def _chunks(parcels: Iterable[Parcel], size: int) -> Iterator[list[Parcel]]:
    """So many at a time."""
    rest = iter(parcels)
    while chunk := list(islice(rest, size)):
        yield chunk


def _waiting(parcel: Parcel, now: int) -> str:
    return wire.Status(wire.WAITING, now, now).encode() if parcel.track else ""
