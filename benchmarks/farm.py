"""A private Redis for one benchmark, the store in it, and what all benchmarks ask for."""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django

from django_resque import conf
from django_resque.parcels import Parcel
from django_resque.store import Store
from django_resque.wire import Payload
from example_project import redis_server


@contextmanager
def running(settings: str = "benchmarks.settings") -> Iterator[Store]:
    """The store of this process. $REDIS_URL and the settings are for processes it starts too."""
    os.environ["DJANGO_SETTINGS_MODULE"] = settings
    # Short, because the path of a socket may not be long.
    with (
        tempfile.TemporaryDirectory(prefix="rq") as directory,
        redis_server.running(Path(directory)) as url,
    ):
        os.environ["REDIS_URL"] = url
        django.setup()
        yield conf.store()


def flags(description: str | None, **defaults: int) -> argparse.Namespace:
    """The numbers that were asked for on the command line, each with its default."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    return parser.parse_args()


def parcels(count: int, name: str, *, track: bool, due: int | None = None) -> list[Parcel]:
    """Jobs for the queue "default", numbered from 0 in their argument and in their id."""
    now = time.time()
    return [
        Parcel("default", Payload.new(name, [number], job_id(number), now), track, due)
        for number in range(count)
    ]


def job_id(number: int) -> str:
    return f"{number:032x}"
