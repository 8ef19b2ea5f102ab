"""`manage.py resque_status`: is it fine? Or: how is this job?"""

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.color import Style

from django_resque import conf, monitor, rows, wire
from django_resque.management.commands._output import (
    as_json,
    columns,
    moment,
    print_safely,
    shown,
)
from django_resque.management.commands._usage import (
    ResqueCommand,
    in_one_sentence,
    named,
    unavailable,
)

FINE, CRITICAL = 0, 2
COMPLETE, FAILED, NOT_TRACKED, REFUSED = 0, 1, 3, 3

#: Seconds between two looks of --watch, and of who follows a job.
WATCH, FOLLOW = 2, 1

#: Empties a terminal and begins at its top.
CLEAR = "\x1b[2J\x1b[H"


class Command(ResqueCommand):
    help = (
        "Show queues, workers, failures and what is wrong (exit code 0 fine, 1 warning, "
        "2 critical); or, with a job's id, follow that job until it ends (exit code 0 complete, "
        "1 failed, 3 not tracked). A mistake in the flags or the settings is exit code 3."
    )
    refused = REFUSED

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("job_id", nargs="?", metavar="JOB_ID", help="Follow this job.")
        parser.add_argument("--id", dest="id", metavar="JOB_ID", help="The same as JOB_ID.")
        parser.add_argument(
            "--once", action="store_true", help="With a job: show its status once and exit with 0."
        )
        parser.add_argument(
            "--watch", action="store_true", help="Look again every 2 seconds, until Ctrl-C."
        )
        parser.add_argument(
            "--json", action="store_true", help="Print for programs: a line of JSON for each look."
        )

    def handle(self, **given: Any) -> None:
        job_id = given["id"] if given["job_id"] is None else given["job_id"]
        named(job_id, "JOB_ID", "the id of a job")
        if job_id and given["watch"]:
            raise CommandError("A job is followed without --watch: leave it out.")
        self.json: bool = given["json"]
        with in_one_sentence("Interrupted before Redis had answered.", CRITICAL):
            if job_id:
                code = self.follow(job_id, once=given["once"])
            else:
                code = self.watch() if given["watch"] else self.show()
        if code:
            sys.exit(code)

    def show(self) -> int:
        try:
            now = monitor.overview(conf.store())
        except monitor.Unavailable as error:
            if not self.json:
                raise
            self.say(as_json(_unknown(error)))
            return CRITICAL
        self.say(self.drawn(now))
        return rows.LEVELS.index(now.level)

    def watch(self) -> int:
        """Look again and again, also while Redis is away, until Ctrl-C or nobody reads."""
        conf.options()  # Raises now, not at each look.
        with suppress(KeyboardInterrupt):
            while self.say(self.look()):
                time.sleep(WATCH)
        return FINE

    def look(self) -> str:
        try:
            drawn = self.drawn(monitor.overview(conf.store()))
        except monitor.Unavailable as error:
            if self.json:
                return as_json(_unknown(error))
            drawn = self.style.ERROR(f"Critical: {unavailable(error)}") + "\n"
        if self.json:
            return drawn
        head = f"{moment(datetime.now(UTC))}\n\n{drawn}"
        return f"{CLEAR}{head}" if self.stdout.isatty() else f"{head}\n"

    def drawn(self, now: rows.Overview) -> str:
        if self.json:
            return as_json(rows.overview_fields(now))
        return "".join(f"{line}\n" for line in _lines(now, self.style))

    def follow(self, job_id: str, *, once: bool) -> int:
        status = monitor.status(conf.store(), job_id)
        if status is None:
            self.tell(job_id, None, f"Resque is not tracking the status of job {job_id}.")
            return NOT_TRACKED
        if not once and not self.json:
            self.say(f"Tracking status of {job_id}. Press [break] to stop.\n")
        try:
            while status is not None:
                self.tell(job_id, status, f"Status of {job_id} is: {status.code} ({status.name})")
                if once or status.ended:
                    return FAILED if status.name == "failed" and not once else COMPLETE
                time.sleep(FOLLOW)
                status = monitor.status(conf.store(), job_id)
        except KeyboardInterrupt:
            return COMPLETE
        self.tell(job_id, None, f"Resque has stopped tracking job {job_id}.")
        return NOT_TRACKED

    def tell(self, job_id: str, status: wire.Status | None, sentence: str) -> None:
        fields = {"id": job_id, **rows.status_fields(status)}
        self.say(as_json(fields) if self.json else f"{shown(sentence)}\n")

    def say(self, text: str) -> bool:
        return print_safely(self.stdout, text)


def _lines(now: rows.Overview, style: Style) -> Iterator[str]:
    yield (
        f"{now.waiting} waiting, {now.running} running, "
        f"{now.failures} failure{'s' * (now.failures != 1)}, "
        f"{now.processed} processed so far"
    )
    if now.delayed.due:
        least = "" if now.delayed.exact else "at least "
        yield f"{least}{now.delayed.jobs} delayed, the next due {moment(now.delayed.due)}"
    queues = [(row.name, row.size, row.workers, _notes(row)) for row in now.queues]
    workers = [(row.id, _state(row), row.processed, row.failed) for row in now.workers]
    for table in (
        columns(("QUEUE", "WAITING", "WORKERS", ""), queues),
        columns(("WORKER", "STATE", "PROCESSED", "FAILED"), workers),
    ):
        yield from ["", *table] if table else []
    if now.problems:
        yield ""
    for problem in now.problems:
        colour = style.ERROR if problem.level == "critical" else style.WARNING
        yield colour(f"{problem.level.capitalize()}: {shown(problem.text)}")


def _notes(row: rows.QueueRow) -> str:
    notes = ["paused"] if row.paused else []
    if row.pace:
        notes.append(f"{row.per_minute:.1f} a minute")
    if row.grows_per_minute is not None:
        notes.append(f"grows by {row.grows_per_minute:.1f} a minute")
    elif row.size and row.drain is not None:
        notes.append(f"drained in {row.drain:.0f} s")
    return ", ".join(notes)


def _state(row: rows.WorkerRow) -> str:
    if row.state == "silent":
        return f"silent for {row.beat_age:.0f} s"
    if row.state == "performing":
        since = f" since {moment(row.since)}" if row.since else ""
        return f"performing {row.job} from {row.queue}{since}{', then paused' * row.paused}"
    return row.state


def _unknown(error: Exception) -> dict[str, Any]:
    """The fields of an overview, when nothing is known."""
    problem = {"level": "critical", "text": unavailable(error)}
    unknown = dict.fromkeys(("counts", "delayed", "paused", "queues", "workers"))
    return {"level": "critical", "problems": [problem], **unknown}
