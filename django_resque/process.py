"""
Processes as the operating system knows them: sleeping, forking, titles, births.

Knows no jobs and no Redis. What differs between Linux and the other POSIX
systems is decided here and nowhere else.
"""

import _signal  # type: ignore[import-not-found]  # Has no stub.
import getpass
import io
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Self

from setproctitle import setproctitle

from .descriptors import Own

#: What asks a process to stop; see Requests.
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)

#: signal.getsignal looks its answer up in an enum, which takes ten times as long.
_getsignal = _signal.getsignal

#: Seconds. What poll is told in milliseconds must fit into 31 bits.
LONGEST_WAIT = 1e6

_IGNORABLE = (signal.SIGHUP, signal.SIGINT)

Handler = Callable[[int, FrameType | None], object]


class Alarm:
    """
    A sleep that any signal cuts short (the self-pipe trick).

    time.sleep() resumes after a handler returns, so a process would notice a
    request to stop only at its next look; waiting on this pipe notices at once.
    Only the main thread can have one, and one at a time.
    """

    def __init__(self) -> None:
        self._before = self._begin()

    def _begin(self) -> int:
        self._reader, self._writer = map(Own, os.pipe())
        os.set_blocking(self._reader.number, False)
        os.set_blocking(self._writer.number, False)
        return signal.set_wakeup_fd(self._writer.number, warn_on_full_buffer=False)

    def arm(self) -> bool:
        """Again, after somebody may have put another in its place; False if it was closed."""
        if intact := self._reader.intact and self._writer.intact:
            signal.set_wakeup_fd(self._writer.number, warn_on_full_buffer=False)
        else:
            self._begin()
        return intact

    def wait(self, seconds: float, also: Iterable[int] = ()) -> list[int]:
        """
        Return after `seconds`, at a signal, or when one of the descriptors `also`
        can be read; answers those.
        """
        reader = self._reader.number
        ready = readable([reader, *also], seconds)
        if reader in ready:
            with suppress(BlockingIOError):
                while os.read(reader, 512):
                    pass
        return [fd for fd in ready if fd != reader]

    def close(self) -> None:
        signal.set_wakeup_fd(self._before)
        self._reader.close()
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


def readable(descriptors: Iterable[int], seconds: float) -> list[int]:
    """
    Those that can be read, or are closed, as soon as there is one; none after `seconds`.

    Not by `select`, which knows no descriptor beyond 1023: 500 workers have more.
    """
    poll = select.poll()
    for each in descriptors:
        poll.register(each, select.POLLIN)
    return [fd for fd, _ in poll.poll(1000 * min(max(0.0, seconds), LONGEST_WAIT))]


class Handlers:
    """Signal handlers for the length of a `with`; the earlier ones come back after it."""

    def __init__(self, handler: Handler, signals: Iterable[signal.Signals]) -> None:
        self._handler = handler
        self._signals = tuple(signals)

    def __enter__(self) -> Self:
        self._before = {each: signal.getsignal(each) for each in self._signals}
        self.install()
        return self

    def install(self) -> None:
        """Again, after somebody may have put others in their place."""
        for each, before in self._before.items():
            if _getsignal(each) is self._handler:  # As nearly always, after each job.
                continue
            # nohup and shells that start us in the background ignore these on purpose.
            if each not in _IGNORABLE or before != signal.SIG_IGN:
                signal.signal(each, self._handler)

    def __exit__(self, *raised: object) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)


class Requests:
    """
    What the stop signals heard so far ask for.

    QUIT: finish what is running, however long it takes. TERM, HUP, INT: stop within
    the grace. A second TERM or INT: now. tox and other runners send INT twice at
    once, so a second one within a second of the first is the same.
    """

    def __init__(self) -> None:
        self.stopping = self.within_grace = self.now = False
        self._first = 0.0

    def heard(self, number: signal.Signals, at: float) -> None:
        """`at` is on the monotonic clock."""
        self.stopping = True
        if number == signal.SIGURG:
            self.now = True
        elif number == signal.SIGQUIT:
            return
        elif not self.within_grace:
            self.within_grace, self._first = True, at
        elif number == signal.SIGTERM or (number == signal.SIGINT and at - self._first >= 1):
            self.now = True


def unblock(signals: Iterable[signal.Signals]) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # A real-time signal has a number only.
        return f"signal {number}"


def end(code: int) -> str:
    """How a process ended, in words, by its exit code; negative for a signal."""
    return f"exited with code {code}" if code >= 0 else f"was killed by {signal_name(-code)}"


def send(pid: int, number: signal.Signals) -> bool:
    """Signal a process. False, and nothing happens, if it is gone or not ours to signal."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def kill_group(pid: int) -> None:
    """End what is left of the process group that `pid` leads or led."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def kill_tree(pid: int) -> None:
    """End a process and its group and, on Linux, its descendants in whatever group they are."""
    send(pid, signal.SIGSTOP)  # So that it begins no others meanwhile.
    killed: set[int] = set()
    while found := _descendants(pid) - killed:
        for each in found:
            send(each, signal.SIGKILL)
        killed |= found
    kill_group(pid)
    send(pid, signal.SIGKILL)


def children() -> list[int]:
    """Of this process, in the order in which each thread began them; [] but on Linux."""
    found: list[int] = []
    with suppress(OSError):
        for task in os.listdir("/proc/self/task"):  # noqa: PTH208 -- thrice as fast as a Path
            with open(f"/proc/self/task/{task}/children", "rb") as file:  # noqa: PTH123 -- the same
                found += map(int, file.read().split())
    return found


def _descendants(pid: int) -> set[int]:
    """None on systems without /proc, where the group must do."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            fields = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        born = children.get(waiting.pop(), [])
        found.update(born)
        waiting += born
    return found


def print_at_once() -> None:
    """What a job prints is seen while it runs, in a file or a pipe too."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with suppress(OSError, ValueError):  # Closed.
                stream.reconfigure(line_buffering=True)


def title(text: str) -> None:
    """What `ps` shows. Of a text of other people's making, what can be shown."""
    if sys.platform != "darwin":  # There a forked process that sets its title may crash.
        setproctitle(text.encode("utf-8", "replace").decode().replace("\0", " "))


def hostname() -> str:
    return socket.gethostname().split(".")[0]


def user() -> str:
    """Whose process this is. A container's user may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"user {os.getuid()}"


def machine() -> str:
    """Names where a pid means something: this boot of this host, and this pid namespace."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    return socket.gethostname()


def birth(pid: int) -> str:
    """When a process started, in the system's own terms; "" if it is gone. Pids come again."""
    if sys.platform != "linux":
        return _birth_by_ps(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    # What follows the command's closing bracket: field 3 is the state, field 22 starttime.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def lives(pid: int, born: str) -> bool:
    """Whether the process of this pid is certainly still the one that was born then."""
    return born != "" and birth(pid) == born


def is_gone(pid: int, born: str) -> bool:
    """Whether that process is certainly no more. Both are False where /proc hides others'."""
    if born and (found := birth(pid)):
        return found != born
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return born != ""  # A zombie.


def _birth_by_ps(pid: int) -> str:
    found = subprocess.run(  # noqa: S603 -- a fixed command and a number
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C", "TZ": "UTC"},
    )
    state, _, started = found.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()
