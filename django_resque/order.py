"""
What `resque_work` was asked for, and how the workers are named that do it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from . import conf, patterns, process
from .about import About
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

    @classmethod
    def here(cls) -> Self:
        pid = os.getpid()
        return cls(process.machine(), pid, process.birth(pid), registry.code())

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
        return f"{conf.hostname(order.options)}:{pid}:{queues}", about
