"""
The atomic steps, one .lua file each, and the loader.

A file's header says what its KEYS and ARGV are and what it returns. A line
`-- include: _name` stands for the text of that file; names with an underscore
are no steps of their own.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

from redis import Redis
from redis.exceptions import NoScriptError

from django_resque.wire import raw

_INCLUDE = "-- include: "


class Speaker(Protocol):
    """Whom a script needs: redis-py's client, or a Line."""

    def evalsha(self, sha: str, numkeys: int, /, *words: Any) -> Any: ...
    def eval(self, script: str, numkeys: int, /, *words: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Script:
    """One atomic step. Calling it is one round trip."""

    text: str
    sha: str

    def __call__(self, redis: Speaker, keys: list[str], args: list[str | int]) -> Any:
        words = _words(keys, args)
        try:
            return redis.evalsha(self.sha, len(keys), *words)
        except NoScriptError:
            # The cache of scripts is empty after a restart or a failover.
            return redis.eval(self.text, len(keys), *words)

    def several(self, redis: Redis, calls: list[tuple[list[str], list[str | int]]]) -> list[Any]:
        """The answers to several calls in one round trip. Raises the first error of any."""
        if len(calls) == 1:
            return [self(redis, *calls[0])]
        with redis.pipeline(transaction=False) as pipe:
            for keys, args in calls:
                pipe.evalsha(self.sha, len(keys), *_words(keys, args))
            answers = pipe.execute(raise_on_error=False)
        for at, answer in enumerate(answers):
            if isinstance(answer, NoScriptError):
                answers[at] = self(redis, *calls[at])
            elif isinstance(answer, Exception):
                raise answer
        return list(answers)


def load_all() -> None:
    """Read every script, for a process that outlives the files it was started from."""
    for file in files(__package__).iterdir():
        name, _, ending = file.name.partition(".")
        if ending == "lua" and not name.startswith("_"):
            script(name)


def _words(keys: list[str], args: list[str | int]) -> list[Any]:
    return [raw(word) if isinstance(word, str) else word for word in keys + args]


@cache
def script(name: str) -> Script:
    text = _text(name)
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def _text(name: str) -> str:
    lines = files(__package__).joinpath(f"{name}.lua").read_text("utf-8").splitlines()
    return "\n".join(
        _text(line.removeprefix(_INCLUDE)) if line.startswith(_INCLUDE) else line for line in lines
    )
