"""
Child processes: begun in a state of their own, dying with their parent, and reaped.
"""

import ctypes
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from .process import children, kill_group, send, unblock

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37

#: Seconds to wait for the end of what was killed. Only a disk that hangs takes longer.
PATIENCE = 1.0


def fork(run: Callable[[], int], blocked: Iterable[signal.Signals], *, group: bool = True) -> int:
    """
    Run a function in a child process and end that with its answer; returns the pid.

    The child leads its own process group, if not told otherwise, reads nothing, and dies
    with its parent.
    The `blocked` signals, whose handlers are the parent's, stay pending until the child
    calls `unblock`, so none is lost before it has handlers of its own.
    """
    parent = os.getpid()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # Closed, or none at all.
            stream.flush()  # What is buffered would be printed by both.
    alive_reader, alive_writer = os.pipe()
    _collect()
    gc.freeze()  # A collection in the child would copy every page of the parent.
    signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    try:
        pid = os.fork()
        if pid == 0:
            os.close(alive_writer)
            _become(run, parent, alive_reader, blocked, group=group)
    except OSError:
        os.close(alive_writer)
        raise
    finally:
        unblock(blocked)
        os.close(alive_reader)
        gc.unfreeze()
    _lifelines[pid] = alive_writer
    if group:
        with suppress(OSError):  # The child does it too; whoever comes first.
            os.setpgid(pid, pid)
    return pid


def forget_at_forks(ours: Callable[[], Collection[signal.Signals]]) -> None:
    """
    In the processes that jobs fork, multiprocessing's for one, the signals that are `ours`
    now do what they do by default.

    One that comes before that waits for it. Python would drop it or call our handler, and a
    pool that ends its processes by SIGTERM would wait for them for ever.
    """
    thread = threading.local()

    def hold() -> None:
        # A handler may raise in here, which Python lets pass. So what is to be undone is noted
        # before it is done.
        thread.held = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        signal.pthread_sigmask(signal.SIG_BLOCK, ours())

    def let_go() -> None:
        if (before := thread.__dict__.pop("held", None)) is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def forget() -> None:
        if signals := ours():
            signal.set_wakeup_fd(-1)
        for each in signals:
            signal.signal(each, signal.SIG_DFL)
        let_go()

    os.register_at_fork(before=hold, after_in_parent=let_go, after_in_child=forget)


def reap() -> Iterator[tuple[int, int]]:
    """
    Pid and exit code, negative for a signal, of each child that has died.

    As process 1 of a container we are given orphans that were never ours: they too.
    """
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        if pid in _lifelines:
            os.close(_lifelines.pop(pid))
        yield pid, os.waitstatus_to_exitcode(status)


@contextmanager
def adopted_orphans() -> Iterator[None]:
    """
    On Linux, whatever a descendant of this process leaves behind when it ends becomes a
    child of this process, in whatever group or session it is, instead of the system's.
    """
    before = ctypes.c_int()
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(before), 0, 0, 0)
        prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    yield
    if sys.platform == "linux":
        prctl(_PR_SET_CHILD_SUBREAPER, before.value, 0, 0, 0)


def kill_children(but: Collection[int]) -> None:
    """
    End all children of this process but these, with their descendants, and reap them.

    As each one ends, its children are ours, in `adopted_orphans`.
    """
    until = time.monotonic() + PATIENCE
    while (left := set(children()).difference(but)) and time.monotonic() < until:
        for pid in left:
            send(pid, signal.SIGKILL)  # A child of ours that was not reaped: never a stranger.
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.001)


def kill_remains(pid: int) -> None:
    """End the group of a leader that is gone. As long as it has members its pid is nobody's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        kill_group(pid)
    except PermissionError:
        pass  # By now a stranger's, so there is no such group.


def _collect() -> None:
    """Garbage would be frozen too. Once a second will do: of many forks at once, for the first."""
    global _collected  # noqa: PLW0603 -- as the collector is one for the process
    if time.monotonic() - _collected > 1:
        gc.collect()
        _collected = time.monotonic()


_collected = -1.0


def living() -> int:
    """How many of those that were forked here have not been reaped."""
    return len(_lifelines)


#: The writing ends of the pipes whose closing tells a child that its parent died.
_lifelines: dict[int, int] = {}


def _become(
    run: Callable[[], int],
    parent: int,
    lifeline: int,
    blocked: Iterable[signal.Signals],
    *,
    group: bool,
) -> NoReturn:
    """The life of a child process. Leaves by os._exit: the parent's clean-up is not its own."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for each in blocked:
            signal.signal(each, signal.SIG_DFL)
        if group:
            os.setpgid(0, 0)
        for writer in _lifelines.values():
            os.close(writer)
        _lifelines.clear()
        _die_with(parent, lifeline)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        code = run()
    except BaseException:  # noqa: BLE001 -- nothing may escape into the parent's code
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(Exception):
            sys.stdout.flush()
        with suppress(Exception):
            sys.stderr.flush()
        os._exit(code)


def _die_with(parent: int, lifeline: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.close(lifeline)
    else:
        watch_lifeline(lifeline)
    if os.getppid() != parent:  # It died before we could ask to be told.
        os._exit(1)


def watch_lifeline(lifeline: int) -> None:
    """Die when the other end of a pipe closes: how to notice a dead parent without prctl."""

    def watch() -> None:
        while os.read(lifeline, 1):
            pass
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
