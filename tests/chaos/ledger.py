"""
What really happened to each job: a file beside the Redis under fault, which knows nothing
of Resque.

Every line is one write to a file opened for appending, so lines of many processes do not
mix and none is torn. Whether two runs of a job overlap is not computed from times: a run
holds a lock, which the kernel takes away from the dead at once.
"""

import fcntl
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: What a line may say: a run began; it came to its effect; it was left by an exception;
#: it began while another run of the same job had not ended.
START, END, LEFT, OVERLAP = "start", "end", "left", "overlap"


@dataclass(frozen=True, slots=True)
class Line:
    what: str
    job_id: str
    attempt: int
    pid: int
    at: float  #: On the monotonic clock, which all processes of a machine share.


class Ledger:
    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, what: str, job_id: str, attempt: int) -> None:
        line = f"{what} {job_id} {attempt} {os.getpid()} {time.monotonic():.6f}\n"
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)

    @contextmanager
    def run(self, job_id: str, attempt: int) -> Iterator[None]:
        """One run of a job. Its last line is its effect: before that, nothing has happened."""
        locks = self.path.with_suffix(".locks")
        locks.mkdir(exist_ok=True)
        with (locks / job_id).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.write(OVERLAP, job_id, attempt)
            self.write(START, job_id, attempt)
            try:
                yield
            except BaseException:
                self.write(LEFT, job_id, attempt)
                raise
            self.write(END, job_id, attempt)

    def forget(self) -> None:
        """What was, where a scenario begins anew."""
        self.path.unlink(missing_ok=True)

    def lines(self) -> list[Line]:
        if not self.path.exists():
            return []
        text = self.path.read_text("ascii")
        # The last line may be about to be written.
        found = [line.split() for line in text[: text.rfind("\n") + 1].splitlines()]
        return [Line(what, job, int(n), int(pid), float(at)) for what, job, n, pid, at in found]

    # Of each job, how often: by its id.

    def starts(self) -> Counter[str]:
        return self._count(START)

    def ends(self) -> Counter[str]:
        return self._count(END)

    def overlaps(self) -> Counter[str]:
        return self._count(OVERLAP)

    def attempts(self) -> dict[str, int]:
        """Of each job, the highest attempt that began."""
        found: dict[str, int] = {}
        for line in self.lines():
            found[line.job_id] = max(line.attempt, found.get(line.job_id, 0))
        return found

    def _count(self, what: str) -> Counter[str]:
        return Counter(line.job_id for line in self.lines() if line.what == what)
