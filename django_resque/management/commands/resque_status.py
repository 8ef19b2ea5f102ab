"""`manage.py resque_status`: is it fine? Or: how is this job?"""

import sys
import time
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from redis.exceptions import RedisError

from django_resque import conf, monitor, rows, wire
from django_resque.management.commands._usage import ResqueCommand, named
from django_resque.store import Store

FINE, WARNING, CRITICAL = 0, 1, 2
COMPLETE, FAILED, NOT_TRACKED, REFUSED = 0, 1, 3, 3


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

    def handle(self, **given: Any) -> None:
        job_id = given["id"] if given["job_id"] is None else given["job_id"]
        named(job_id, "JOB_ID", "the id of a job")
        try:
            store = conf.store()
            code = self.follow(store, job_id, once=given["once"]) if job_id else self.show(store)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        except RedisError as error:
            address = conf.address()
            raise CommandError(
                f"Redis at {address} cannot be asked: {error}.", returncode=CRITICAL
            ) from error
        if code:
            sys.exit(code)

    def show(self, store: Store) -> int:
        now = monitor.overview(store)
        self.stdout.write(
            f"{now.waiting} waiting, {now.running} running, {now.failures} failures, "
            f"{now.processed} processed so far"
        )
        self.table(
            "QUEUE",
            [(row.name, f"{row.size} waiting", f"{row.workers} workers") for row in now.queues],
        )
        self.table("WORKER", [(row.id, _state(row)) for row in now.workers])
        for problem in now.problems:
            style = self.style.ERROR if problem.level == "critical" else self.style.WARNING
            self.stdout.write(style(f"{problem.level.capitalize()}: {problem.text}"))
        levels = {problem.level for problem in now.problems}
        return CRITICAL if "critical" in levels else WARNING if levels else FINE

    def table(self, title: str, rows: list[tuple[str, ...]]) -> None:
        """Aligned columns under a title; nothing for no rows."""
        if not rows:
            return
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        self.stdout.write(f"\n{title}")
        for row in rows:
            cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())

    def follow(self, store: Store, job_id: str, *, once: bool) -> int:
        status = store.status(job_id)
        if status is None:
            self.stdout.write(f"Resque is not tracking the status of job {job_id}.")
            return NOT_TRACKED
        if not once:
            self.stdout.write(f"Tracking status of {job_id}. Press [break] to stop.")
        try:
            while status is not None:
                self.stdout.write(f"Status of {job_id} is: {status.code} ({status.name})")
                self.stdout.flush()
                if once or status.ended:
                    return FAILED if status.code == wire.FAILED and not once else COMPLETE
                time.sleep(1)
                status = store.status(job_id)
        except KeyboardInterrupt:
            return COMPLETE
        self.stdout.write(f"Resque has stopped tracking job {job_id}.")
        return NOT_TRACKED


def _state(row: rows.WorkerRow) -> str:
    if row.silent:
        return f"silent for {row.beat_age:.0f} s"
    if not row.job:
        return "waiting"
    since = f" since {row.since:%Y-%m-%d %H:%M:%S} UTC" if row.since else ""
    return f"performing {row.job} from {row.queue}{since}"
