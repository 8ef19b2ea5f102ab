"""
The processes behind a worker id, as they stand in Redis.
"""

from dataclasses import asdict, dataclass, fields, replace
from typing import Self

from . import memory
from .wire import dumps, loads

#: What an order to a worker may say after the birth of its process; TO_KILL is followed by the
#: token of the reservation whose job is meant.
TO_STOP, TO_STOP_NOW, TO_KILL = "stop", "now", "kill:"

#: Followed by a token of this one order, which is carried out once: orders stay, and are read
#: with each beat, while signals may pause the worker and let it go on meanwhile.
TO_PAUSE, TO_RESUME = "pause:", "resume:"

#: Of any system. What is asked about a larger one raises.
MAX_PID = 2**31 - 1


#: The pid namespace of a host itself: part of Linux' interface, PROC_PID_INIT_INO.
_OF_THE_HOST = "/pid:[4026531836]"


def is_container(machine: str) -> bool:
    """
    Whether pids on this machine, by the name that `process` gives it, are a container's own:
    then other containers have the same.
    """
    return "/pid:[" in machine and not machine.endswith(_OF_THE_HOST)


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
    paused: bool = False  #: By a signal or an order: it takes no job.
    memory: int = 0  #: Resident bytes of its process; 0 if unknown.

    def now(self, *, paused: bool) -> Self:
        """The same, with what changes while it lives. Asked where the process is."""
        return replace(self, paused=paused, memory=memory.resident(self.pid))

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
