"""
Queue lists as an operator writes them: `critical,mail*,!mail_low`. Text only.

The rules are those of Ruby's workers, which are those of Ruby's File.fnmatch without
flags: `*` is any text, slashes too; `?` one character; `[ac]`, `[a-c]` one of these, `[^a]` and
`[!a]` one that is not; a backslash takes the meaning from what follows; braces mean
nothing; and a name that begins with a full stop is matched only by a pattern that does.
Each pattern becomes, in its place in the list, the queues it matches, sorted. A name
after `!`, which may be a pattern, is left out wherever it stands, and is no part of a worker's id.

One thing differs: a plain name is listened to whether the queue is known or not. Ruby's
workers do that in a list of plain names only; beside a wildcard they wait until it is known.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

_WILDCARDS = frozenset("*?[")

#: What no name in a worker's id may contain.
_SEPARATORS = frozenset(":, \t\n")


def is_pattern(name: str) -> bool:
    """Whether a name stands for any queues that match it. A backslash alone means itself."""
    return not _WILDCARDS.isdisjoint(name)


def needs_names(patterns: Iterable[str]) -> bool:
    """Whether `expand` must be told the known queues: without a wildcard it need not."""
    return any(map(is_pattern, display(patterns)))


def expand(patterns: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """The queues to listen to, in the order of the list and each once."""
    names = sorted(known)
    chosen: list[str] = []
    for each in display(patterns):
        chosen += filter(_matcher(each).fullmatch, names) if is_pattern(each) else [each]
    refused = _refused(patterns)
    return tuple(
        name for name in dict.fromkeys(chosen) if not any(each.fullmatch(name) for each in refused)
    )


def listens(patterns: Sequence[str], queue: str) -> bool:
    """Whether a worker with this list takes jobs from this queue."""
    return queue in expand(patterns, (queue,))


def display(patterns: Iterable[str]) -> tuple[str, ...]:
    """The list as a worker's id has it: without what is left out."""
    return tuple(each for each in patterns if not each.startswith("!"))


def problem(patterns: Sequence[object]) -> str:
    """Why no worker can have this list, in one sentence; "" if one can."""
    if wrong := next(filter(None, map(_name_problem, patterns)), ""):
        return wrong
    names = [str(each) for each in patterns]
    if not names:
        return "The list of queues is empty: name one, or * for all."
    if not display(names):
        return "The list of queues only says what to leave out: add what to take, or * for all."
    if not needs_names(names) and not expand(names, ()):
        return "The list of queues leaves out every queue that it names."
    return ""


def _name_problem(name: object) -> str:
    if not isinstance(name, str) or not name.removeprefix("!"):
        return f"A queue's name must be text, not {_shown(name)}."
    # What is left out does not stand in the id, and other languages' names may be odd.
    if not name.startswith("!") and (found := sorted(_SEPARATORS.intersection(name))):
        return (
            f"The queue name {_shown(name)} contains {found[0]!r}. Worker ids are joined with "
            "colons and commas, and other Resque clients cut them there: choose another name."
        )
    if is_pattern(name) and _matcher(name.removeprefix("!")) is _NOTHING:
        return f"{_shown(name)} has a [ without its ], and would match no queue: close it."
    return ""


_NOTHING = re.compile(r"(?!)")


def _refused(patterns: Iterable[str]) -> list[re.Pattern[str]]:
    """After `!` a backslash has its meaning in a plain name too."""
    return [_matcher(each[1:]) for each in patterns if each.startswith("!")]


# Bounded, because the monitor asks about ids that anybody wrote into Redis. For the same
# reason the groups are atomic: no pattern and no name can make the matching slow.
@lru_cache(maxsize=1024)
def _matcher(pattern: str) -> re.Pattern[str]:
    """A pattern as a regular expression for `fullmatch`."""
    pieces, at = [""], 0
    while at < len(pattern):
        if pattern[at] == "*":
            pieces.append("")
            at += 1
        elif pattern[at] == "[":
            piece, at = _bracket(pattern, at + 1)
            if not piece:
                return _NOTHING
            pieces[-1] += piece
        elif pattern[at] == "?":
            pieces[-1] += "."
            at += 1
        else:
            char, at = _char(pattern, at)
            pieces[-1] += re.escape(char)
    text, *rest = pieces
    text += "".join(f"(?>.*?{piece})" for piece in rest[:-1])
    text += "".join(f".*{piece}" for piece in rest[-1:])
    start = "" if pattern.startswith((".", r"\.")) else r"(?!\.)"
    return re.compile(start + text, re.DOTALL)


def _bracket(pattern: str, at: int) -> tuple[str, int]:
    """The set that begins behind a `[`, and where it ends; "" if it never does."""
    negated = pattern[at : at + 1] in ("!", "^")
    at += negated
    chars = ""
    while at < len(pattern) and pattern[at] != "]":
        low, at = _char(pattern, at)
        if pattern[at : at + 1] == "-" and pattern[at + 1 : at + 2] not in ("]", ""):
            high, at = _char(pattern, at + 1)
            # Of a range that runs backwards Ruby takes the two ends.
            chars += f"{re.escape(low)}{'-' if low <= high else ''}{re.escape(high)}"
        else:
            chars += re.escape(low)
    if at >= len(pattern):
        return "", at
    if not chars:  # Unlike in a shell, a ] ends the set even where it comes first.
        return ("." if negated else _NOTHING.pattern), at + 1
    return f"[{'^' if negated else ''}{chars}]", at + 1


def _char(pattern: str, at: int) -> tuple[str, int]:
    """A character that may be escaped, and where the next one begins."""
    if pattern[at] == "\\":
        at += 1
    return pattern[at : at + 1], at + 1


def _shown(value: object) -> str:
    """A value in a message; of what may be an address, and hold a password, the type only."""
    return type(value).__name__ if "://" in repr(value) else repr(value)
