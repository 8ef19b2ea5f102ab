"""Jobs of every kind that touches what a process can lose: files, threads, children, memory."""

import logging
import subprocess
import threading

from django.db import connection

from django_resque import job

logger = logging.getLogger(__name__)


@job
def nothing() -> None:
    pass


@job
def fail() -> None:
    raise ValueError("as it should")


@job
def log() -> None:
    logger.warning("a line of a job")


@job
def query() -> None:
    """Opens a connection, which is closed behind it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@job
def enqueue_another() -> None:
    nothing.enqueue()


@job
def say() -> None:
    print("printed by a job")


@job
def use_a_thread() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


@job
def use_a_process() -> None:
    subprocess.run(["true"], check=True)
