"""`manage.py resque_work`: work queues until told to stop."""

import difflib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser

from django_resque import conf, monitor, pidfile, process, reloading, rules
from django_resque.alone import Alone, Spoilt
from django_resque.management.commands import _flags
from django_resque.management.commands._output import print_safely
from django_resque.management.commands._usage import ResqueCommand, named
from django_resque.order import Order
from django_resque.registry import registry
from django_resque.supervisor import Supervisor
from django_resque.waiting import RedisUnusable, wait_for_redis

#: None of them ends us but by our own doing. USR1 and USR2 are for jobs: there is none yet.
_HANDLED = (*process.STOP_SIGNALS, signal.SIGUSR1, signal.SIGUSR2)


class _Stopped(BaseException):
    """Leaves a command that was told to stop before it had a worker."""


class Command(ResqueCommand):
    help = (
        "Work queues until told to stop. TERM, INT and HUP stop gracefully within "
        "RESQUE['STOP_TIMEOUT'] seconds, after which running jobs are interrupted and put back; "
        "a second TERM or INT interrupts now; QUIT waits for running jobs however long they take. "
        "USR1 kills all running jobs, which fail; USR2 takes no other jobs, until CONT."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        _flags.add(parser)

    def run_from_argv(self, argv: list[str]) -> None:
        """A thread that a job left, in --in-process, does not keep a process that has ended."""
        before, code = threading.enumerate(), 0
        try:
            super().run_from_argv(argv)
        except SystemExit as leaving:
            code = int(leaving.code or 0)
            if not _left(before):
                raise
        if left := _left(before):
            self.say(f"Ending although a job has left running: {', '.join(left)}.")
            logging.shutdown()
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError, ValueError, AttributeError):  # Closed, or none at all.
                    stream.flush()
            os._exit(code)

    def handle(self, **given: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise CommandError(
                "resque_work was called in a thread, but hears signals, which only the main thread "
                "can: call it there, or as a command of its own."
            )
        handlers = process.Handlers(_heard, _HANDLED)  # Until the supervisor has its own.
        handlers.__enter__()
        try:
            self.work(given)
        except _Stopped:
            return
        except (ImproperlyConfigured, pidfile.PidFileError, RedisUnusable, Spoilt) as error:
            raise CommandError(str(error)) from error
        finally:
            if getattr(self, "_called_from_command_line", False):
                _ignore_signals()  # The process ends now: another one must not spoil its code.
            else:
                handlers.__exit__()

    def work(self, given: dict[str, Any]) -> None:
        options = _flags.options(given)
        order = Order(
            options=options,
            queues=options.queues or tuple(_registered_queues(options)),
            write=self.write,
            say=self.say,
            show_jobs=given["verbosity"] > 0,
            **{name: given[name] for name in _flags.OF_ORDER if name in given},
        )
        _flags.check(order)
        if not registry.jobs():
            self.say(
                "No job is registered: every job will fail as unknown. "
                "Define jobs in the jobs.py of an installed app."
            )
        store = conf.new_store(options)
        pid = named(given.get("pid"), "--pid", "the name of a file") or os.environ.get("PIDFILE")
        if given.get("debug") or os.environ.get("VVERBOSE"):
            _log_everything(self.say)
        with ExitStack() as stack:
            if pid:
                stack.enter_context(pidfile.held(Path(pid)))
            wait_for_redis(store.redis, given.get("wait_for_redis", 30.0), self.say)
            with suppress(monitor.Unavailable):  # Its user may not look: the work will tell.
                known = [row.name for row in monitor.overview(store).queues]
                for name in _unheard_of(order, known):
                    self.say(f"No job is registered for the queue {name}, and none waits there.")
            stack.callback(store.redis.connection_pool.disconnect)
            anew = (Alone if order.in_process else Supervisor)(store, order).run()
        if anew:
            reloading.execute()

    def write(self, text: str) -> None:
        print_safely(self.stdout, text)

    def say(self, sentence: str) -> None:
        print_safely(self.stderr, f"{sentence}\n")


def _left(before: list[threading.Thread]) -> list[str]:
    """Threads that came since, and for which Python would wait at its end."""
    return [
        f"thread {each.name!r}"
        for each in threading.enumerate()
        if each not in before and not each.daemon
    ]


class _Says(logging.Handler):
    """Log entries as lines of the command."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self.say = say
        self.setFormatter(logging.Formatter("%(asctime)s %(process)d %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.say(self.format(record))


def _log_everything(say: Callable[[str], None]) -> None:
    logger = logging.getLogger("django_resque")
    logger.setLevel(logging.DEBUG)
    if not any(isinstance(handler, _Says) for handler in logger.handlers):
        logger.addHandler(_Says(say))


def _heard(number: int, frame: FrameType | None) -> None:
    if number in process.STOP_SIGNALS:
        _ignore_signals()  # Once is enough: nothing disturbs the tidying up.
        raise _Stopped


def _ignore_signals() -> None:
    for each in _HANDLED:
        signal.signal(each, signal.SIG_IGN)


def _unheard_of(order: Order, known: list[str]) -> Iterator[str]:
    """Queues that were named and that nobody knows, likely to be misspelt; with a better name."""
    known += _registered_queues(order.options)
    for name in order.queues:
        if name not in known and not rules.queue_problem(name):  # And is no pattern.
            close = difflib.get_close_matches(name, known, n=1)
            yield f"{name!r} (did you mean {close[0]!r}?)" if close else repr(name)


def _registered_queues(options: conf.Options) -> Iterator[str]:
    """The default queue and those of the registered jobs, once each."""
    yield from dict.fromkeys(
        [options.default_queue, *sorted(job.queue for job in registry.jobs() if job.queue)]
    )
