"""
What a job left running: threads and child processes. They are named, and left alone.
"""

import os
import sys
import threading
from contextlib import suppress
from pathlib import Path

from .process import children

#: Ended children that nobody waited for and that are left so. See `_Children`.
MAX_ENDED = 32


class LeftOver:
    """Threads and child processes beyond those that are there now."""

    def __init__(self) -> None:
        self._threads = threading.enumerate()
        self._children = _Children()

    def new(self) -> list[str]:
        """Words for each that has come since the last call. Raises nothing."""
        words = self._children.new()
        threads = threading.enumerate()
        if threads != self._threads:
            words += [_thread(each) for each in threads if each not in self._threads]
            self._threads = threads
        return words


class _Children:
    """
    The child processes of this process.

    One that ended and was not waited for is left so, for its Popen may still be asked
    how it ended. But nobody asks about one that MAX_ENDED others came after, so then the
    oldest are reaped: jobs that fork and never wait cannot use up the pids.
    """

    def __init__(self) -> None:
        self._known = children()

    def new(self) -> list[str]:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            self._known = []
            return []
        except AttributeError:  # macOS before Python 3.13.
            return []
        if ended and (multiprocessing := sys.modules.get("multiprocessing")):
            multiprocessing.active_children()  # Asks its own how they ended.
        pids = children()
        new = [pid for pid in pids if pid not in self._known]
        words = [_child(pid) for pid in new]
        self._known = [pid for pid in self._known if pid in pids] + new
        if ended and len(pids) > MAX_ENDED:
            self._reap(len(pids) - MAX_ENDED)
        return words

    def _reap(self, surplus: int) -> None:
        for pid in self._known.copy():
            with suppress(ChildProcessError):  # A thread has just waited for it.
                if surplus > 0 and os.waitpid(pid, os.WNOHANG)[0]:
                    self._known.remove(pid)
                    surplus -= 1


def _child(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return f"child process {pid}"
    name, _, rest = stat.partition("(")[2].rpartition(")")
    ended = ", ended and not waited for" if rest.split()[0] in "ZX" else ""
    return f"child process {pid} ({name}{ended})"


def _thread(thread: threading.Thread) -> str:
    return f"{'daemon ' if thread.daemon else ''}thread {thread.name!r}"
