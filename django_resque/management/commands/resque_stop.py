"""`manage.py resque_stop`: stop workers and wait until they are gone."""

import signal
import time
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from redis.exceptions import RedisError

from django_resque import conf, control, pidfile, process
from django_resque.management.commands._usage import ResqueCommand, named, seconds


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
            "--all", action="store_true", help="Every django-resque worker, on every host."
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
        try:
            options = conf.options()
            wait = options.stop_timeout + 5 if given["wait"] is None else given["wait"]
            if pid is not None:
                self.stop_process(Path(pid), wait)
            else:
                self.stop_workers(worker_id, wait)
        except (ImproperlyConfigured, pidfile.PidFileError) as error:
            raise CommandError(str(error)) from error
        except RedisError as error:
            raise CommandError(f"Redis at {conf.address()} cannot be asked: {error}.") from error
        except KeyboardInterrupt:
            raise CommandError(
                "No longer waiting. What was told to stop goes on stopping."
            ) from None

    def stop_process(self, path: Path, wait: float) -> None:
        """Needs no Redis: who holds the lock on the file is the process it names."""
        pid = pidfile.owner(path)
        if pid is None:
            self.stdout.write(f"Nothing to stop: no running resque_work holds {path}.")
            return
        born = process.birth(pid)
        if not process.send(pid, signal.SIGTERM) and process.lives(pid, born):
            raise CommandError(f"resque_work {pid} is another user's: stop it as that user.")
        until = time.monotonic() + wait
        while process.lives(pid, born):
            if time.monotonic() >= until:
                raise CommandError(f"resque_work {pid} is still there after {wait:g} s.")
            time.sleep(control.LOOK)
        self.stdout.write(f"Stopped resque_work {pid}.")

    def stop_workers(self, worker_id: str | None, wait: float) -> None:
        store = conf.store()
        ours = store.leases().keys()
        if worker_id is not None and worker_id not in ours:
            if store.redis.sismember(store.keys.workers, worker_id):
                raise CommandError(
                    f"{worker_id} is no worker of django-resque: stop it where it runs."
                )
            self.stdout.write(f"Nothing to stop: no worker {worker_id} is registered.")
            return
        chosen = set(ours) if worker_id is None else {worker_id}
        if not chosen:
            self.stdout.write("Nothing to stop: no worker is registered.")
            return
        control.stop(store, chosen)
        if left := control.gone(store, chosen, wait):
            raise CommandError(f"Still there after {wait:g} s: {', '.join(sorted(left))}.")
        self.stdout.write(f"Stopped {', '.join(sorted(chosen))}.")
