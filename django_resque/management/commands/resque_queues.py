"""`manage.py resque_queues`: look at queues, pause, resume, clear and restore them."""

import difflib
from collections.abc import Callable, Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser

from django_resque import conf, contents, control, monitor, process, rows, rules
from django_resque.control import EVERYTHING
from django_resque.management.commands._output import as_json, columns, print_safely, shown
from django_resque.management.commands._usage import ResqueCommand, in_one_sentence, named


class Command(ResqueCommand):
    help = (
        "List queues; pause and resume them; clear them of what waits in them, and restore that "
        'within an hour. A pause of "*" holds all '
        "workers, Ruby's too; a pause of a queue, those of django-resque. Exit code 0: done; "
        "1: not, or there is no such queue."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = ["list", "pause", "resume", "clear", "restore"]
        parser.add_argument("action", choices=actions, metavar=f"{{{','.join(actions)}}}")
        parser.add_argument(
            "queues",
            nargs="*",
            default=[],  # Or it would be called required.
            metavar="QUEUE",
            help='Name the queues; "*" with pause and resume means everything.',
        )
        parser.add_argument(
            "--json", action="store_true", help="With list: print a line of JSON, for programs."
        )
        parser.add_argument("--yes", action="store_true", help="With clear: do not ask.")

    def handle(self, **given: Any) -> None:
        action, names = given["action"], list(dict.fromkeys(given["queues"]))
        _check(action, names, given)
        self.asked = given["yes"]
        acts: dict[str, Callable[[rows.Overview, list[str]], None]] = {
            "list": self.list_json if given["json"] else self.list,
            "pause": self.pause,
            "resume": self.resume,
            "clear": self.clear,
            "restore": self.restore,
        }
        with in_one_sentence("Interrupted: resque_queues list shows what was done."):
            acts[action](monitor.overview(conf.store()), names)

    def list_json(self, now: rows.Overview, names: Sequence[str]) -> None:
        queues = [rows.queue_fields(row) for row in _chosen(now, names)]
        print_safely(self.stdout, as_json({"paused": now.paused, "queues": queues}))

    def list(self, now: rows.Overview, names: Sequence[str]) -> None:
        chosen = _chosen(now, names)
        lines = columns(
            ("QUEUE", "WAITING", "WORKERS", ""),
            [(row.name, row.size, row.workers, "paused" if row.paused else "") for row in chosen],
        )
        if now.paused:
            lines.append("All workers are paused.")
        self.say(*(lines or ["There is no queue yet: the first job pushed to it makes one."]))

    def pause(self, now: rows.Overview, names: Sequence[str]) -> None:
        known = _known(now)
        for name in names:
            problem = "" if name in (EVERYTHING, *known) else rules.queue_problem(name)
            if problem:
                raise CommandError(shown(problem))
        for name in names:
            control.pause_queue(conf.store(), name, by=process.user())
            if name == EVERYTHING:
                self.say("Paused all workers.")
            elif name in known:
                self.say(f"Paused {name}.")
            else:
                self.say(f"Paused {name}, which does not exist yet.{_hint(name, known)}")

    def resume(self, now: rows.Overview, names: Sequence[str]) -> None:
        _chosen(now, [name for name in names if name != EVERYTHING])
        for name in names:
            what = "all workers" if name == EVERYTHING else name
            if control.resume_queue(conf.store(), name):
                self.say(f"Resumed {what}.")
            else:
                self.say(
                    f"Nothing to resume: {what} {'were' if what != name else 'was'} not paused."
                )
        still = [row.name for row in now.queues if row.paused and row.name not in names]
        if EVERYTHING in names and still:
            self.say(f"Still paused by name: {', '.join(still)}.")
        elif now.paused and EVERYTHING not in names:
            self.say("All workers are still paused: resque_queues resume '*' ends that.")

    def clear(self, now: rows.Overview, names: Sequence[str]) -> None:
        what = ", ".join(f"{row.size} of {row.name}" for row in _chosen(now, names))
        before = contents.cleared(conf.store(), names)
        lost = ", ".join(f"{count} of {name}" for name, count in before.items() if count)
        question = f"This clears the jobs that wait: {what}."
        if lost:
            question += f" It drops for good what was cleared there before: {lost}."
        self.confirm(question, asked=self.asked)
        for name in names:
            count = control.clear_queue(conf.store(), name, before[name])
            if count is None:
                raise CommandError(shown(f"Somebody else has just cleared {name}. Look at it."))
            self.say(f"Cleared {_jobs(count)} of {name}.")
        self.say("Within an hour resque_queues restore QUEUE brings them back.")

    def restore(self, now: rows.Overview, names: Sequence[str]) -> None:
        aside = contents.cleared(conf.store(), names)
        _chosen(now, [name for name in names if not aside[name]])  # One may be forgotten since.
        for name in names:
            if count := control.restore_queue(conf.store(), name):
                self.say(f"Brought {_jobs(count)} back to {name}.")
            else:
                self.say(
                    f"Nothing to bring back: {name} was not cleared in the last hour, or is "
                    "restored."
                )

    def say(self, *lines: str) -> None:
        print_safely(self.stdout, "".join(f"{shown(line)}\n" for line in lines))


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"


def _known(now: rows.Overview) -> list[str]:
    return [row.name for row in now.queues]


def _check(action: str, names: Sequence[str], given: dict[str, Any]) -> None:
    """Refuse what does not go together."""
    for flag, owner in (("json", "list"), ("yes", "clear")):
        if given[flag] and action != owner:
            raise CommandError(f"--{flag} goes with {owner}, not with {action}.")
    for name in names:
        named(name, "QUEUE", "the name of a queue")
    if action != "list" and not names:
        raise CommandError(f"{action} needs the names of queues, separated by blanks.")
    if action in ("clear", "restore") and EVERYTHING in names:
        raise CommandError(f"{action} takes the names of queues, one by one, and no '*'.")


def _chosen(now: rows.Overview, names: Sequence[str]) -> list[rows.QueueRow]:
    """The queues of these names, all if none are given. Refuses a name that is unknown."""
    known = {row.name: row for row in now.queues}
    for name in names:
        if name not in known:
            raise CommandError(shown(f"There is no queue {name!r}.{_hint(name, list(known))}"))
    return [known[name] for name in names] if names else now.queues


def _hint(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
