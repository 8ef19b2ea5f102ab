"""
The processes behind a worker id, as they stand in Redis.
"""

from dataclasses import asdict, dataclass, fields
from typing import Self

from .wire import dumps, loads


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
    paused: bool = False  #: By a signal: it takes no job.

    def encode(self) -> str:
        return dumps(asdict(self))

    @classmethod
    def decode(cls, raw: str | None) -> Self | None:
        """None for what cannot be read."""
        found = loads(raw or "")
        if not isinstance(found, dict):
            return None
        known = {each.name for each in fields(cls)}
        try:
            return cls(**{name: value for name, value in found.items() if name in known})
        except TypeError:
            return None
