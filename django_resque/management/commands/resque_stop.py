"""`manage.py resque_stop`: stop workers and wait until they are gone."""

import signal
import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from django_resque import conf, control, pidfile, process
from django_resque.management.commands._output import print_safely
from django_resque.management.commands._usage import ResqueCommand, in_one_sentence, named, seconds


class Command(ResqueCommand):
    help = (
        "Stop workers gracefully and wait until they are gone. Exit code 0: gone, or nothing to "
        "stop; 1: still there, or not ours."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument(
            "--pid", metavar="FILE", help="The resque_work that was started with this --pid FILE."
        )
        which.add_argument(
            "--worker",
            metavar="ID",
            help="One worker, HOST:PID:QUEUES as in resque_status, on any host.",
        )
        which.add_argument(
            "--queue",
            metavar="QUEUE",
            help="Every worker, on every host, that takes jobs from this queue.",
        )
        which.add_argument(
            "--all", action="store_true", help="Every django-resque worker, on every host."
        )
        parser.add_argument(
            "--now",
            action="store_true",
            help="Interrupt running jobs at once, without their grace; they are put back.",
        )
        parser.add_argument(
            "--wait",
            type=seconds,
            metavar="SECONDS",
            help="How long to wait for the end. Default: RESQUE['STOP_TIMEOUT'] + 5.",
        )

    def handle(self, **given: Any) -> None:
        pid = named(given["pid"], "--pid", "the name of a file")
        worker_id = named(given["worker"], "--worker", "the id of a worker")
        queue = named(given["queue"], "--queue", "the name of a queue")
        self.now = given["now"]
        with in_one_sentence("No longer waiting. What was told to stop goes on stopping."):
            options = conf.options()
            wait = options.stop_timeout + 5 if given["wait"] is None else given["wait"]
            if pid is not None:
                self.stop_process(Path(pid), wait)
            else:
                self.stop_workers(worker_id, queue, wait)

    def stop_process(self, path: Path, wait: float) -> None:
        """Needs no Redis: who holds the lock on the file is the process it names."""
        try:
            pid = pidfile.owner(path)
        except pidfile.PidFileError as error:
            raise CommandError(str(error)) from error
        if pid is None:
            self.say(f"Nothing to stop: no running resque_work holds {path}.")
            return
        born = process.birth(pid)
        number = signal.SIGURG if self.now else signal.SIGTERM
        if not process.send(pid, number) and process.lives(pid, born):
            raise CommandError(f"resque_work {pid} is another user's: stop it as that user.")
        until = time.monotonic() + wait
        while process.lives(pid, born):
            if time.monotonic() >= until:
                raise CommandError(
                    f"resque_work {pid} is still there after {wait:g} s.{self.more()}"
                )
            time.sleep(control.LOOK)
        self.say(f"Stopped resque_work {pid}.")

    def stop_workers(self, worker_id: str | None, queue: str | None, wait: float) -> None:
        store = conf.store()
        chosen = control.workers(store) if queue is None else control.listening(store, queue)
        if worker_id is not None:
            if worker_id not in chosen and control.is_known(store, worker_id):
                raise CommandError(
                    f"{worker_id} is no worker of django-resque: stop it where it runs."
                )
            chosen &= {worker_id}
        if not chosen:
            self.say(f"Nothing to stop: no worker{_which(worker_id, queue)} is registered.")
            return
        control.stop(store, chosen, now=self.now)
        if left := control.gone(store, chosen, wait):
            names = ", ".join(sorted(left))
            raise CommandError(f"Still there after {wait:g} s: {names}.{self.more()}")
        self.say(f"Stopped {', '.join(sorted(chosen))}.")

    def more(self) -> str:
        """What else can be done by who has waited in vain."""
        if self.now:
            return " It was told to. If its supervisor is dead, the next resque_work gives it up."
        return " It stops after its job: wait longer with --wait, or interrupt it with --now."

    def say(self, sentence: str) -> None:
        print_safely(self.stdout, f"{sentence}\n")


def _which(worker_id: str | None, queue: str | None) -> str:
    return f" {worker_id}" if worker_id else f" of the queue {queue!r}" if queue else ""
