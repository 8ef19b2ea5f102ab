"""Jobs that keep the ledger. Enqueued by name: the tests' own process does not import them."""

import ctypes
import os
import time
from pathlib import Path

from django_resque import Retry, current_job, enqueue_in, enqueue_to, job
from tests.chaos.ledger import Ledger

ledger = Ledger(Path(os.environ["CHAOS_LEDGER"]))

#: For what is to come to its effect however often its process is killed.
AGAIN = Retry(limit=1000, delay=0, jitter=0)


def _run(seconds: float) -> None:
    current = current_job()
    with ledger.run(current.id, current.attempt):
        time.sleep(seconds)


@job(queue="chaos", retry=AGAIN)
def work(seconds: float = 0.0) -> None:
    _run(seconds)


@job(queue="chaos")
def once(seconds: float = 0.0) -> None:
    """Not tried again: a failure if its process is killed."""
    _run(seconds)


@job(queue="chaos", retry=Retry(limit=1, delay=0, jitter=0))
def flaky(seconds: float = 0.0) -> None:
    """Fails the first time, and is retried."""
    current = current_job()
    with ledger.run(current.id, current.attempt):
        time.sleep(seconds)
        if current.attempt == 1:
            raise ValueError("as it should")


@job(queue="chaos", retry=AGAIN, fence=True)
def fenced(seconds: float) -> None:
    _run(seconds)


@job(queue="chaos")
def stumble() -> None:
    """Fails the first time, and is not retried."""
    current = current_job()
    known = ledger.starts()[current.id]
    with ledger.run(current.id, current.attempt):
        if not known:
            raise ValueError("as it should")


@job(queue="chaos", retry=AGAIN)
def push_another() -> None:
    """A process that is not the tests' own, to be killed while it enqueues."""
    enqueue_to("chaos", f"{__name__}.work", 0)
    _run(0)


@job(queue="chaos", retry=AGAIN)
def delay_another() -> None:
    enqueue_in(0.1, work)
    _run(0)


@job(queue="chaos")
def hold_the_gil(seconds: int) -> None:
    """In C code that lets no other thread of the process run."""
    current = current_job()
    with ledger.run(current.id, current.attempt):
        ctypes.PyDLL(None).sleep(seconds)


@job(queue="chaos")
def sleep_in_c(seconds: int) -> None:
    """Where no handler of a signal is run."""
    current = current_job()
    with ledger.run(current.id, current.attempt):
        ctypes.CDLL(None).sleep(seconds)


@job(queue="chaos")
def shared(label: str, seconds: float) -> None:
    """One that node-resque performs too, which knows no ids: the label stands in the ledger."""
    with ledger.run(label, 1):
        time.sleep(seconds)
        if label.endswith("!"):
            raise ValueError("as it should")
