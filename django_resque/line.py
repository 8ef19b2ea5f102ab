"""
One connection for the scripts of one process, without redis-py's client around it.

What that does for each command (a connection out of the pool and back, encoding word by
word, hooks for observers) takes a worker longer than Redis takes to answer. Connecting,
reading replies and naming errors stay redis-py's.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from redis.connection import ConnectionPool

from . import connection
from .descriptors import Own

_pack: Callable[..., bytes] | None = None
with suppress(ImportError):  # Without the extra "fast".
    from hiredis import pack_command as _pack


class Line:
    """For one thread. It connects when it is asked, and again after an error."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._connection: Any = connection.taken(pool)
        self._socket: Any = None
        self._own: Own | None = None

    @property
    def intact(self) -> bool:
        """False if a job has closed the socket, and maybe opened something else in its place."""
        return self._own is None or self._connection._sock is not self._socket or self._own.intact

    def evalsha(self, *words: Any) -> Any:
        """Raises RedisError, as redis-py's client does."""
        return self._ask("EVALSHA", *words)

    def eval(self, *words: Any) -> Any:
        """The same."""
        return self._ask("EVAL", *words)

    def _ask(self, *words: Any) -> Any:
        if not self.intact:
            self._socket.detach()  # Or closing the connection would close what is there now.
            self._connection.disconnect()
        # If it is not connected sending would do that too, but to the address of the last time:
        # only this asks the sentinels.
        self._connection.connect()
        if self._connection._sock is not self._socket:
            self._socket = self._connection._sock
            self._own = Own(self._socket.fileno())
        packed = [_pack(words)] if _pack else self._connection.pack_command(*words)
        self._connection.send_packed_command(packed, check_health=False)
        return self._connection.read_response()
