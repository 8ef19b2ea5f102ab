"""A primary, two replicas, and three sentinels that promote one of these if it dies."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError
from redis.sentinel import MasterNotFoundError, Sentinel

from example_project import redis_server
from tests.chaos.field import Server, free_port
from tests.conftest import wait_for

#: Seconds within which a failover is over, which is bid for with random delays.
FAILOVER = 40.0


class Family:
    """The sentinels know each other and the replicas from the start, so they need no search."""

    def __init__(self, directory: Path, primary: Server) -> None:
        self.directory = directory
        self.name = f"chaos{primary.port}"  #: What the sentinels call it.
        self.servers = [primary]
        follow = ("--replicaof", "127.0.0.1", str(primary.port), "--repl-diskless-sync", "yes",
                  "--repl-diskless-sync-delay", "0")  # fmt: skip
        primary.client().config_set("repl-diskless-sync-delay", 0)
        self.servers += [Server(directory / f"replica{at}", *follow) for at in (1, 2)]
        self.ports = [free_port() for _ in range(3)]
        self.sentinels = [self._sentinel(at) for at in range(3)]
        # redis-py does not annotate it.
        self._manager: Any = Sentinel([("127.0.0.1", port) for port in self.ports])  # type: ignore[no-untyped-call]
        wait_for(self.primary, "the sentinels answer")
        self.whole()

    def primary(self) -> Server | None:
        """Whom the sentinels would send to now."""
        with suppress(MasterNotFoundError, RedisError):
            _, port = self._manager.discover_master(self.name)
            return next(server for server in self.servers if server.port == port)
        return None

    def whole(self) -> None:
        """Waits until both replicas have all that the primary has now."""
        primary = wait_for(self.primary, "there is a primary", FAILOVER)
        with primary.client() as redis:
            _, now, _ = redis.role()
            wait_for(lambda: _have(redis.role()[2], now), "two replicas follow", FAILOVER)

    def fail_over(self, died: Server) -> Server:
        """Waits until there is a primary that takes writes, in the place of this one."""
        return wait_for(lambda: self._successor(died), "a replica is promoted", FAILOVER)  # type: ignore[no-any-return]  # as `wait_for` answers anything

    def close(self) -> None:
        for process in [*self.sentinels, *(server.process for server in self.servers)]:
            process.kill()
            process.wait()

    def _successor(self, died: Server) -> Server | None:
        found = self.primary()
        if found is None or found is died:
            return None
        with suppress(RedisError), found.client() as redis:
            return found if redis.role()[0] == "master" else None
        return None

    def _sentinel(self, at: int) -> subprocess.Popen[bytes]:
        primary, *replicas = [f"127.0.0.1 {server.port}" for server in self.servers]
        others = [(self.ports[each], _run_id(each)) for each in range(3) if each != at]
        lines = [
            f"port {self.ports[at]}",
            "bind 127.0.0.1",
            f"sentinel myid {_run_id(at)}",
            f"sentinel monitor {self.name} {primary} 2",
            f"sentinel down-after-milliseconds {self.name} 2000",
            f"sentinel failover-timeout {self.name} 3000",
            *(f"sentinel known-replica {self.name} {replica}" for replica in replicas),
            *(
                f"sentinel known-sentinel {self.name} 127.0.0.1 {port} {run_id}"
                for port, run_id in others
            ),
        ]
        path = self.directory / f"sentinel{at}.conf"
        path.write_text("\n".join(lines) + "\n", "ascii")
        return subprocess.Popen(
            [redis_server.executable(), os.fspath(path), "--sentinel"], stdout=subprocess.DEVNULL
        )


def _have(replicas: list[tuple[str, str, str]], offset: int) -> bool:
    return len(replicas) == 2 and all(int(have) >= offset for _, _, have in replicas)


def _run_id(at: int) -> str:
    return f"{at + 1}" * 40
