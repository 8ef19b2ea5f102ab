"""
What stands in the delayed set: a job and its queue, in resque-scheduler's form.
"""

from dataclasses import dataclass
from typing import Self

from .wire import Payload, cut_fields, dumps, loads, text_of

#: The fields of a tracked item of ours, which leaves out the prefix that is always empty.
_OURS = ("class", "args", "queue", "id", "queue_time")

#: What the field "queue" of a payload is called in its item.
_OWN_QUEUE = "payload_queue"


@dataclass(frozen=True, slots=True)
class Item:
    """
    A job in the delayed set: `{"class","args","queue","id","queue_time"}`, and without the
    last two, which is Ruby's form byte for byte, if it is not tracked.
    """

    queue: str  #: "" for an item that names none, or cannot be read.
    payload: Payload  #: As it will stand in its queue.
    raw: str

    @classmethod
    def new(cls, queue: str, payload: Payload, *, track: bool) -> Self:
        fields = cut_fields(payload.raw)
        names = ("id", "queue_time") if track else ()
        parts = [f'"class":{fields["class"]},"args":{fields["args"]},"queue":{dumps(queue)}']
        parts += [f'"{name}":{fields[name]}' for name in names]
        return cls(queue, payload, f"{{{','.join(parts)}}}")

    @classmethod
    def again(cls, queue: str, payload: Payload) -> Self:
        """For a payload that was in that queue, with every field that it has."""
        fields = cut_fields(payload.raw)
        if "queue" in fields:  # node-resque's have one. Its place is taken by the item's own.
            fields = {_OWN_QUEUE if name == "queue" else name: fields[name] for name in fields}
        fields["queue"] = dumps(queue)
        text = ",".join(f"{dumps(name)}:{value}" for name, value in fields.items())
        return cls(queue, payload, f"{{{text}}}")

    @classmethod
    def read(cls, raw: str) -> Self:
        """
        Any client's item. Never raises. What a queue gets is what that client would
        have put there: every field but the queue, each as its bytes were.
        """
        fields = cut_fields(raw)
        ours = tuple(fields) == _OURS
        queue = text_of(loads(fields.pop("queue", "")))
        if not fields or not queue:
            return cls("", Payload.read(raw), raw)
        fields = {"queue" if name == _OWN_QUEUE else name: fields[name] for name in fields}
        if ours:
            fields["prefix"] = '""'
        if "id" in fields and "queue_time" in fields:
            fields = _in_our_order(fields)
        text = ",".join(f"{dumps(name)}:{value}" for name, value in fields.items())
        return cls(queue, Payload.read(f"{{{text}}}"), raw)


def _in_our_order(fields: dict[str, str]) -> dict[str, str]:
    """As `Payload.new` writes them: the scripts look for the id at the end."""
    ended = {name: fields[name] for name in ("id", "prefix", "queue_time") if name in fields}
    return {name: fields[name] for name in fields if name not in ended} | ended
