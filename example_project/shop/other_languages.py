"""
Jobs as programs in other languages push them: recorded bytes, which never go through
django-resque on their way into Redis. For the demo; a shop needs nothing of this.
"""

import json
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from django.conf import settings
from redis import Redis
from redis.connection import ConnectionPool

RECORDED = settings.BASE_DIR / "recorded"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A job as it was pushed, and the `args` the program meant by that."""

    queue: str
    id: str
    payload: str
    status: str
    args: list[Any]

    def again(self) -> "Recorded":
        """The same job with a new id."""
        new = uuid4().hex
        return replace(self, id=new, payload=self.payload.replace(self.id, new))


def recorded(language: str) -> Recorded:
    """What recorded/LANGUAGE.json holds."""
    fields = json.loads((RECORDED / f"{language}.json").read_text("utf-8"))
    del fields["recorded"]  # The note for people.
    return Recorded(**fields)


def connect() -> Redis:
    """The other program's own connection to the database of the jobs."""
    pool = ConnectionPool.from_url(settings.REDIS_URL)
    pool.connection_kwargs["db"] = settings.RESQUE["DB"]
    return Redis(connection_pool=pool)


def push(redis: Redis, job: Recorded) -> None:
    """As php-resque and Ruby's Resque do it: the queue's name, the payload, perhaps a status."""
    redis.sadd(f"{settings.NAMESPACE}:queues", job.queue)
    redis.rpush(f"{settings.NAMESPACE}:queue:{job.queue}", job.payload)
    if job.status:
        redis.set(f"{settings.NAMESPACE}:job:{job.id}:status", job.status)
