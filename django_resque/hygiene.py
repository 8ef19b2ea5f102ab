"""
What one job changes in its process and the next must not notice. POSIX, main thread.

Not here: handlers of the worker's own signals, database connections, translation and
time zone, each of which its owner puts back. Nothing can put back what was written into
modules: a job that does that wants `--fork-per-job`.
"""

import _signal  # type: ignore[import-not-found]  # Has no stub.
import decimal
import gc
import locale
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from typing import TypeVar

from .descriptors import close, identity
from .leftover import LeftOver
from .process import signal_name
from .stdio import Stdio

T = TypeVar("T")

#: How words begin after which only a new process is as this one was. What had taken the number
#: of a closed stream, a connection perhaps, is closed by putting that back.
SPOILT = ("descriptor", "not put back")

#: Puts one thing back if a job changed it, and then answers a word for it.
PutBack = Callable[[], str]

#: Those that a later job could fail of; asking for all would take twice as long.
_LIMITS = [
    f"RLIMIT_{name}"
    for name in ("CPU", "AS", "DATA", "STACK", "FSIZE", "NOFILE", "NPROC")
    if hasattr(resource, f"RLIMIT_{name}")
]

# Those of `signal` look each answer up in an enum: 20 us for the handlers of all signals.
_getsignal = _signal.getsignal
_sigmask = _signal.pthread_sigmask


class Surroundings:
    """
    The process as it is now, to be had again after each job.

    Both methods are called after every job: they cost some microseconds if there is nothing
    to do, and raise nothing. Signals in `except_for` belong to the caller, who has
    his handlers back before he calls `restore`: one that a job blocked arrives there.
    """

    def __init__(self, except_for: Iterable[signal.Signals] = ()) -> None:
        ours = frozenset(except_for)
        self._left_over = LeftOver()
        self._held = ExitStack()
        stdio = Stdio(self._held)
        # Limits first: the others may need a descriptor. Then timers, lest one rings when its
        # handler is gone.
        self._items: tuple[PutBack, ...] = (
            _limits(),
            _timers(),
            _handlers(ours),
            _mask(ours),
            stdio.restore_descriptors,
            stdio.restore_streams,
            _directory(self._held),
            _umask(),
            _environment(),
            _decimal(),
            _value("locale", _all_of_locale, _set_locale),
            _value("recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
            _value("socket timeout", socket.getdefaulttimeout, socket.setdefaulttimeout),
            _value("garbage collection", gc.isenabled, _collect),
        )

    def restore(self) -> list[str]:
        """Put everything back; answers words for what had to be."""
        words = []
        for put_back in self._items:
            try:
                if word := put_back():
                    words.append(word)
            except (OSError, ValueError, RecursionError, locale.Error) as error:
                words.append(f"not put back ({type(error).__name__}: {error})")
        return words

    def left_over(self) -> list[str]:
        """Threads and child processes that have come since the last call and are still there."""
        return self._left_over.new()

    def close(self) -> None:
        """Close the descriptors that are kept for `restore`, which is not called again."""
        self._held.close()


def _limits() -> PutBack:
    """The soft ones. A hard one that was lowered stays so, but for root, and is told once."""
    numbers, ask = [getattr(resource, name) for name in _LIMITS], resource.getrlimit
    before = list(map(ask, numbers))

    def put_back() -> str:
        now = list(map(ask, numbers))
        if now == before:
            return ""
        changed, lowered = [], False
        for index, (number, wanted, (_, highest)) in enumerate(
            zip(numbers, before, now, strict=True)
        ):
            if now[index] == wanted:
                continue
            for limits in (wanted, (wanted[0], highest), (highest, highest)):
                with suppress(ValueError, OSError):
                    resource.setrlimit(number, limits)
                    break
            changed.append(_LIMITS[index])
            before[index] = ask(number)
            lowered |= before[index] != wanted
        words = f"limit {', '.join(changed)}"
        return f"not put back ({words})" if lowered else words

    return put_back


def _timers() -> PutBack:
    which = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
    idle = [each for each in which if not signal.getitimer(each)[0]]

    def put_back() -> str:
        running = [each for each in idle if signal.getitimer(each)[0]]
        for each in running:
            signal.setitimer(each, 0)
        return "timer" if running else ""

    return put_back


def _handlers(ours: frozenset[signal.Signals]) -> PutBack:
    changeable = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP} - ours
    # None stands for a handler that is not Python's, and that Python cannot put back.
    numbers = [int(each) for each in sorted(changeable) if _getsignal(each) is not None]
    before = list(map(_getsignal, numbers))

    def put_back() -> str:
        now = list(map(_getsignal, numbers))
        if now == before:
            return ""
        changed = []
        for number, handler, found in zip(numbers, before, now, strict=True):
            if handler != found:
                signal.signal(number, handler)
                changed.append(signal_name(number))
        return f"handler of {', '.join(changed)}"

    return put_back


def _mask(ours: frozenset[signal.Signals]) -> PutBack:
    before = _sigmask(signal.SIG_BLOCK, ())

    def put_back() -> str:
        now = _sigmask(signal.SIG_BLOCK, ())
        if now == before:
            return ""
        for each in (signal.sigpending() & now) - before - ours:
            handler = _getsignal(each)
            signal.signal(each, signal.SIG_IGN)  # Which drops it. The job that it was for is over.
            signal.signal(each, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return "signal mask"

    return put_back


def _directory(held: ExitStack) -> PutBack:
    """By its descriptor, so that it is the same although it was renamed, or deleted under us."""
    descriptor = os.open(".", getattr(os, "O_PATH", os.O_RDONLY))
    held.callback(close, descriptor)
    before, path = identity(descriptor), _path()

    def put_back() -> str:
        if (found := _path()) and found == path:  # A third of the time of the next question.
            return ""
        here = os.stat(".")  # noqa: PTH116 -- the shorter way to its inode
        if (here.st_dev, here.st_ino) == before:
            return ""
        if identity(descriptor) == before:
            os.fchdir(descriptor)
        else:  # The job has closed every descriptor there is.
            os.chdir(path)
        return "working directory"

    return put_back


def _path() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 -- three times as fast as a Path
    except OSError:  # Deleted.
        return ""


def _umask() -> PutBack:
    before = os.umask(0)
    os.umask(before)
    return lambda: "umask" if os.umask(before) != before else ""


def _environment() -> PutBack:
    """Names of variables are told, never their values."""
    before = dict(os.environ)
    # What os.environ has below its decoding: comparing that takes 0.3 us, all else 30.
    live = vars(os.environ).get("_data", os.environ)
    raw = live.copy()

    def put_back() -> str:
        if live == raw:
            return ""
        now = dict(os.environ)
        changed = {name for name, _ in now.items() ^ before.items()}
        for name in changed:
            if name in before:
                os.environ[name] = before[name]
            else:
                del os.environ[name]
        if "TZ" in changed:
            time.tzset()
        return f"environment {', '.join(sorted(changed))}"

    return put_back


def _decimal() -> PutBack:
    before = decimal.getcontext().copy()
    precision, rounding, traps = before.prec, before.rounding, before.traps

    def put_back() -> str:
        now = decimal.getcontext()
        if now.prec == precision and now.rounding == rounding and now.traps == traps:
            return ""
        decimal.setcontext(before.copy())
        return "decimal context"

    return put_back


def _value(name: str, ask: Callable[[], T], tell: Callable[[T], object]) -> PutBack:
    before = ask()

    def put_back() -> str:
        if ask() == before:
            return ""
        tell(before)
        return name

    return put_back


def _all_of_locale() -> str:
    return locale.setlocale(locale.LC_ALL)


def _set_locale(text: str) -> None:
    locale.setlocale(locale.LC_ALL, text)


def _collect(enabled: bool) -> None:
    (gc.enable if enabled else gc.disable)()
