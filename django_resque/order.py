"""
What `resque_work` was asked for, and how the workers are named that do it.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from . import conf, patterns, process
from .about import About, is_container
from .registry import registry
from .version import __version__


@dataclass(frozen=True, slots=True)
class Order:
    options: conf.Options
    queues: tuple[str, ...]  #: Or patterns.
    write: Callable[[str], None]  #: Writes lines to the command's output, at once.
    say: Callable[[str], None]  #: Says a sentence to the person who runs it.
    show_jobs: bool = True
    burst: bool = False  #: End once the queues are empty.
    max_jobs: int | None = None  #: After so many a worker process is replaced.
    max_rss: float | None = None  #: The same for one that is larger, in megabytes.
    fork_per_job: bool = False
    in_process: bool = False  #: Then nothing is replaced.
    reload: bool = False  #: Begin anew when the project's files change.


@dataclass(frozen=True, slots=True)
class Home:
    """Where a supervisor and its workers live."""

    machine: str
    pid: int  #: Of the supervisor.
    birth: str
    code: str  #: See `About`.
    host: str  #: The first part of its worker ids.

    @classmethod
    def here(cls, options: conf.Options) -> Self:
        pid, host = os.getpid(), conf.hostname(options)
        home = cls(process.machine(), pid, process.birth(pid), registry.code(), host)
        return home.apart() if is_container(home.machine) else home

    def among(self, known: Mapping[str, About | None]) -> Self:
        """The same, with a name of its own if one of these is on another machine of its name."""
        for worker_id, about in known.items():
            if about and about.machine != self.machine and worker_id.startswith(f"{self.host}:"):
                return self.apart()
        return self

    def apart(self) -> Self:
        """
        The same, with a name that no other machine has. Containers may share a host's name, and
        their first pids are the same: two workers of one id would give up each other's jobs.
        """
        mark = hashlib.sha256(self.machine.encode()).hexdigest()[:8]
        return replace(self, host=f"{self.host}-{mark}")

    def named(self, order: Order, pid: int) -> tuple[str, About]:
        """The id of the worker in this process, and what is told of it."""
        about = About(
            machine=self.machine,
            pid=pid,
            birth=process.birth(pid),
            supervisor=self.pid,
            supervisor_birth=self.birth,
            version=__version__,
            code=self.code,
        )
        queues = ",".join(patterns.display(order.queues))
        return f"{self.host}:{pid}:{queues}", about
