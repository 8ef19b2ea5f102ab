"""The processes of the demo: started together, watched, and ended in order."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

MANAGE = Path(__file__).parent / "manage.py"

#: Seconds a child has to end. resque_work ends within RESQUE["STOP_TIMEOUT"] + 4, which is 29.
PATIENCE = 40.0

#: What resque_work would read from somebody's environment, and the demo wants as it is.
_NOT_OURS = {"QUEUE", "QUEUES", "COUNT", "INTERVAL", "PIDFILE"}


class ChildDied(Exception):
    """A child ended that should have gone on. Its text has the child's output."""


class Stop:
    """
    Notes INT, TERM and HUP for as long as the process lives.

    tox and other runners send several of them at once, and the ones that come while
    everything is being ended must not cut that short.
    """

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self.asked = False
        for each in self.signals:
            signal.signal(each, self._heard)

    def over(self) -> None:
        """
        Everything is ended, and the exit code settled. Python takes handlers away before
        it exits, and one more signal would then kill it.
        """
        for each in self.signals:
            signal.signal(each, signal.SIG_IGN)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self.asked = True


class Child:
    """
    A `manage.py` command. Its session is its own: a Ctrl-C in the terminal reaches the
    demo only, which then ends its children one after the other.
    """

    def __init__(self, name: str, directory: Path, *words: str) -> None:
        self.name = name
        self._logs = [directory / f"{words[0]}.{stream}" for stream in ("out", "err")]
        self._shown = 0
        with self._logs[0].open("wb") as out, self._logs[1].open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, str(MANAGE), *words],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    @property
    def output(self) -> str:
        """Standard output, then standard error."""
        return "".join(log.read_text("utf-8", "replace") for log in self._logs).strip()

    def news(self) -> str:
        """The whole lines on standard output that were not asked for yet."""
        with self._logs[0].open("rb") as log:
            log.seek(self._shown)
            lines, newline, _ = log.read().rpartition(b"\n")
        self._shown += len(lines + newline)
        return lines.decode("utf-8", "replace")

    def check(self) -> None:
        """Raises ChildDied if it has ended."""
        if self.exit_code is not None:
            raise ChildDied(
                f"The {self.name} ended unexpectedly with exit code {self.exit_code}. "
                f"Its output:\n{self.output}"
            )

    def stop(self) -> None:
        """Ask it to end, wait, and make it end if it does not."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def started(name: str, directory: Path, *words: str) -> Iterator[Child]:
    """A child for the length of the `with`."""
    child = Child(name, directory, *words)
    try:
        yield child
    finally:
        child.stop()


def _environment() -> dict[str, str]:
    ours = {name: os.environ[name] for name in os.environ.keys() - _NOT_OURS}
    return {**ours, "PYTHONUNBUFFERED": "1"}  # What they say is read as they say it.
