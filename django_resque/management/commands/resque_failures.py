"""`manage.py resque_failures`: list and show failures, retry, remove and clear them."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError, CommandParser

from django_resque import conf, control, search
from django_resque.management.commands import _failures
from django_resque.management.commands._output import as_json, print_safely, shown
from django_resque.management.commands._usage import ResqueCommand, in_one_sentence, named

#: Which actions a flag goes with.
ACTIONS = {
    "limit": ("list",),
    "json": ("list", "show"),
    "unmasked": ("show",),
    "all": ("retry",),
    "undo": ("clear",),
    "yes": ("retry", "remove", "clear"),
    **dict.fromkeys(
        ("queue", "class", "exception", "since", "text"), ("list", "retry", "remove", "clear")
    ),
}


class Command(ResqueCommand):
    help = (
        "List failures, newest first; show one; retry or remove those that are named or that "
        "match; clear the list. Exit code 0: done; 1: not, or not all of it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        actions = ["list", "show", "retry", "remove", "clear"]
        add("action", choices=actions, metavar=f"{{{','.join(actions)}}}")
        add(
            "digests",
            nargs="*",
            default=[],  # Or it would be called required.
            metavar="DIGEST",
            help="Name failures for show, retry and remove: as list prints them, or shorter.",
        )
        add("--queue", metavar="QUEUE", help="Take only failures of this queue.")
        add("--class", metavar="NAME", help="Take only this class; its last part is enough.")
        add("--exception", metavar="NAME", help="Take only this exception; likewise.")
        add(
            "--since",
            type=_failures.since,
            metavar="TIME",
            help="Take only what failed since then: 10m, 2h, 3d, SECONDS, or an ISO date or time.",
        )
        add("--text", metavar="TEXT", help="Take only those with TEXT in error or arguments.")
        add("--limit", type=_failures.limit, metavar="N", help="List at most N. Default: 25.")
        add("--json", action="store_true", help="Print a line of JSON for each, for programs.")
        add("--unmasked", action="store_true", help="Show also what is named like a secret.")
        add("--all", action="store_true", help="Retry all failures.")
        add("--undo", action="store_true", help="Bring back what was cleared in the last hour.")
        add("--yes", action="store_true", help="Act without asking.")

    def handle(self, **given: Any) -> None:
        action: str = given["action"]
        for flag, actions in ACTIONS.items():
            if given[flag] not in (None, False) and action not in actions:
                raise CommandError(f"--{flag} goes with {' and '.join(actions)}, not {action}.")
        wanted = search.Filter(
            queue=named(given["queue"], "--queue", "the name of a queue") or "",
            job=named(given["class"], "--class", "the name of a class") or "",
            exception=named(given["exception"], "--exception", "the name of an exception") or "",
            since=given["since"],
            text=named(given["text"], "--text", "a text to look for") or "",
        )
        addresses = list(dict.fromkeys(map(_failures.address, given["digests"])))
        with in_one_sentence("Stopped. What was done until now is done."):
            self.act(action, addresses, wanted, given)

    def act(
        self, action: str, addresses: list[str], wanted: search.Filter, given: dict[str, Any]
    ) -> None:
        if addresses and (wanted or given["all"]):
            raise CommandError("Name failures by DIGEST or by flags, not by both.")
        if action == "show":
            if len(addresses) != 1:
                raise CommandError("show needs one DIGEST, from resque_failures list.")
            self.show(addresses[0], as_text=not given["json"], masked=not given["unmasked"])
        elif addresses and action in ("list", "clear"):
            raise CommandError(f"{action} takes no DIGEST; show, retry and remove do.")
        elif action == "list":
            self.list(wanted, given["limit"] or 25, as_text=not given["json"])
        elif given["undo"]:
            self.undo(wanted)
        elif action == "clear" and not wanted:
            self.clear(asked=given["yes"])
        elif addresses:
            self.withdraw_named(action, addresses, asked=given["yes"])
        elif wanted or given["all"]:
            self.withdraw_matching(action, wanted, asked=given["yes"])
        else:
            every = "--all" if action == "retry" else "clear"
            raise CommandError(
                f"{action} needs a DIGEST, or --queue, --class, --exception, --since or --text. "
                f"All failures: {every}."
            )

    def list(self, wanted: search.Filter, limit: int, *, as_text: bool) -> None:
        found = search.search(conf.store(), wanted, limit)
        if not as_text:
            print_safely(self.stdout, "".join(as_json(_failures.fields(row)) for row in found.rows))
            return
        if not found.total:
            self.say("There are no failures.")
        elif not wanted:
            self.say(*_failures.table(found.rows), "", f"{len(found.rows)} of {found.total}.")
        else:
            more = "" if found.more is None else " --limit=N shows more."
            looked = f"looked at {found.looked} of {found.total}.{more}"
            self.say(*_failures.table(found.rows), *[""] * bool(found.rows))
            self.say(f"{len(found.rows)} matching; {looked}")

    def show(self, address: str, *, as_text: bool, masked: bool) -> None:
        found = search.find(conf.store(), [address])
        row = _failures.the_one(address, found[address])
        if row is None:
            raise CommandError(_missing(address))
        try:
            if as_text:
                self.say(*_failures.everything(row, masked=masked))
            else:
                print_safely(self.stdout, as_json(_failures.all_fields(row, masked=masked)))
        except RecursionError:
            raise CommandError("The payload is nested too deeply to be shown.") from None

    def withdraw_named(self, action: str, addresses: Iterable[str], *, asked: bool) -> None:
        found = search.find(conf.store(), list(addresses))
        chosen = {each: _failures.the_one(each, rows) for each, rows in found.items()}
        rows = {row.digest: row for row in chosen.values() if row}
        missing = [each for each, row in chosen.items() if row is None]
        if not rows:
            raise CommandError(" ".join(map(_missing, missing)))
        if action == "remove":
            self.confirm(f"This removes {_number(len(rows))} for good.", asked=asked)
        newest = sorted(rows.values(), key=lambda row: row.position, reverse=True)
        tally = self.withdraw(action, [search.Window(newest)])
        text = _result(action, tally, len(missing))
        if missing or tally.done < tally.found:
            raise CommandError(text)
        self.say(text)

    def withdraw_matching(self, action: str, wanted: search.Filter, *, asked: bool) -> None:
        below = None
        if not asked:
            number, below = search.count(conf.store(), wanted)
            if number:
                does = "retries" if action == "retry" else "removes"
                ending = "" if action == "retry" else " for good"
                self.confirm(f"This {does} {_number(number)}{ending}.", asked=asked)
        tally = self.withdraw(action, search.matching(conf.store(), wanted, below))
        if not tally.found:
            self.say("No failure matches." if wanted else "There are no failures.")
        elif tally.refused:
            raise CommandError(_result(action, tally))
        else:
            self.say(_result(action, tally))

    def withdraw(self, action: str, windows: Iterable[search.Window]) -> control.Tally:
        does = control.retry_failures if action == "retry" else control.remove_failures
        return does(conf.store(), windows)

    def clear(self, *, asked: bool) -> None:
        number, _ = search.count(conf.store(), search.Filter())
        if number:
            self.confirm(f"This clears the list: {_number(number)}.", asked=asked)
            number = control.clear_failures(conf.store())
        if not number:
            self.say("There are no failures.")
            return
        self.say(
            f"Cleared {_number(number)}. resque_failures clear --undo brings them back within "
            "an hour."
        )

    def undo(self, wanted: search.Filter) -> None:
        if wanted:
            raise CommandError("--undo brings back everything that was cleared: no filter fits it.")
        number = control.restore_failures(conf.store())
        self.say(
            f"Brought back {_number(number)}."
            if number
            else "Nothing to bring back: the list was not cleared in the last hour."
        )

    def say(self, *lines: str) -> None:
        print_safely(self.stdout, "".join(f"{shown(line)}\n" for line in lines))


def _missing(address: str) -> str:
    return f"There is no failure {address}: it was retried or removed meanwhile, or never was."


def _number(count: int) -> str:
    return "1 failure" if count == 1 else f"{count} failures"


def _result(action: str, tally: control.Tally, missing: int = 0) -> str:
    """How many of how many, and what became of the others."""
    did = "Retried" if action == "retry" else "Removed"
    parts = [f"{did} {tally.done} of {tally.found + missing}"]
    if gone := tally.gone + missing:
        parts.append(f"{gone} {'was' if gone == 1 else 'were'} not there any more")
    if tally.refused:
        parts.append(f"{tally.refused} cannot go back: no queue is named, or its key is no list")
    return f"{'; '.join(parts)}."
