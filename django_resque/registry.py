"""
Wire name to job class. Filled when jobs.py modules are imported; looked up by workers.

A name from Redis is only ever looked up here, never imported.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from . import sources
from .errors import DuplicateJob, UnknownJob

if TYPE_CHECKING:
    from .jobs import Job


class Registry:
    def __init__(self) -> None:
        # Django's autodiscover_modules restores this attribute, by this name, when a
        # module fails half-way through its import.
        self._registry: dict[str, type[Job]] = {}
        self.modules: frozenset[str] = frozenset()  #: The jobs.py that were found.
        self._code: str | None = None

    def register(self, job: type["Job"]) -> None:
        """Raises DuplicateJob if another class has one of the job's names."""
        for name in (job.name, *job.aliases):
            other = self._registry.get(name)
            if other and _path(other) != _path(job):
                raise DuplicateJob(
                    f"{_path(job)} and {_path(other)} both have the wire name {name!r}. "
                    "Give one of them another `name`."
                )
        for name in (job.name, *job.aliases):
            self._registry[name] = job

    def find(self, name: str) -> type["Job"]:
        r"""Raises UnknownJob. A leading `\` (ThinkPHP) or `::` (Ruby) does not count."""
        job = self._registry.get(name) or self._registry.get(name.lstrip("\\:"))
        if job is None:
            raise UnknownJob(
                f"No job is registered as {name!r}. Define it in a jobs.py of an installed app, "
                "or give a job that is there this name or alias, and restart the workers."
            )
        return job

    def jobs(self) -> Iterable[type["Job"]]:
        """Every registered job, once."""
        return dict.fromkeys(self._registry.values())

    def code(self) -> str:
        """A digest of the apps that have jobs, as their files stood when it was first asked."""
        if self._code is None:
            self._code = sources.digest(self.modules)
        return self._code


registry = Registry()


def _path(job: type["Job"]) -> str:
    return f"{job.__module__}.{job.__qualname__}"
