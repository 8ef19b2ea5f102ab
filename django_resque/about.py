"""
The processes behind a worker id, as they stand in Redis.
"""

from dataclasses import asdict, dataclass, fields
from typing import Self

from .wire import dumps, loads

#: What an order to a worker may say after the birth of its process; TO_KILL is followed by the
#: token of the reservation whose job is meant.
TO_STOP, TO_STOP_NOW, TO_KILL = "stop", "now", "kill:"

#: Of any system. What is asked about a larger one raises.
MAX_PID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class About:
    """
    The processes behind a worker id, kept for those who may signal them.

    A pid alone may have been given to a stranger, so each stands with its birth:
    `process.birth(pid)`. Pids mean something only on their own `machine`.
    """

    machine: str
    pid: int
    birth: str
    supervisor: int
    supervisor_birth: str
    version: str
    code: str = ""  #: A digest of the project's jobs as it has loaded them; "" if unknown.
    paused: bool = False  #: By a signal: it takes no job.

    def encode(self) -> str:
        return dumps(asdict(self))

    @classmethod
    def decode(cls, raw: str | None) -> Self | None:
        """None for what cannot be read."""
        found = loads(raw or "")
        if not isinstance(found, dict):
            return None
        known = {each.name: each.type for each in fields(cls)}
        given = {name: value for name, value in found.items() if name in known}
        if not all(type(value) is known[name] for name, value in given.items()):
            return None
        try:
            about = cls(**given)
        except TypeError:
            return None
        return about if 0 < about.pid <= MAX_PID and 0 < about.supervisor <= MAX_PID else None
