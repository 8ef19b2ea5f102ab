"""
The parts of the reference that stand in the code already, as lines of reStructuredText.

Settings come from rules.py and conf.py, commands from their parsers, keys from keys.py; so there is
no second list that could be forgotten. tests/test_docs.py reads these lines too.
"""

import argparse
import inspect
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand

from django_resque import conf, keys, rules

#: Arguments of keys' methods, as placeholders, where that is not their name in capitals.
PLACES = {"worker_id": "WORKER", "due": "SECONDS", "job_id": "JOB", "prefix": ""}

#: Members of Keys that are parts of key names, and no keys.
PARTS = {"namespace", "delayed_name", "status_prefix"}


def settings() -> list[str]:
    """One definition for each key of settings.RESQUE."""
    comments = _comments(conf.Options)
    defaults = {field.name: field.default for field in fields(conf.Options)}
    lines = []
    for name, (expected, _) in rules.RULES.items():
        meaning = comments[name.lower()]
        if "Default:" not in meaning:
            meaning += f" Default: ``{_shown(defaults[name.lower()])}``."
        lines += [f"``{name}``", f"    {meaning} Must be {expected}.", ""]
    return lines


def command(name: str) -> list[str]:
    """Purpose, positional arguments and flags of one command, in the words of its help."""
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    known = BaseCommand().create_parser("manage.py", name)._option_string_actions
    lines = [_sentence(parser.description or ""), ""]
    for action in parser._actions:
        if action.help is argparse.SUPPRESS or set(action.option_strings) & known.keys():
            continue
        lines += [", ".join(f"``{word}``" for word in _spellings(action))]
        lines += [f"    {_sentence(str(action.help))}", ""]
    return lines


def key_table() -> list[str]:
    """One definition for each key, under the heading that keys.py gives it."""
    lines = []
    for heading, members in _key_groups():
        lines += [heading, "~" * len(heading), ""]
        for member, doc in members:
            lines += [f"``{key_name(member)}``", f"    {' '.join(doc.split())}", ""]
    return lines


def key_name(member: str) -> str:
    """A key with placeholders: resque:queue:NAME."""
    found = getattr(keys.Keys(), member)
    if not callable(found):
        return str(found)
    places = [PLACES.get(each, each.upper()) for each in inspect.signature(found).parameters]
    if member == "stat":
        places = ["NAME[:WORKER]", ""]
    return str(found(*places))


def _key_groups() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    parts = re.split(r"^    # (.+)\.$", inspect.getsource(keys.Keys), flags=re.MULTILINE)
    for heading, text in zip(parts[1::2], parts[2::2], strict=True):
        members = re.findall(r"^    def ([a-z]\w*)\(", text, re.MULTILINE)
        yield (
            heading,
            [(each, inspect.getdoc(getattr(keys.Keys, each)) or "") for each in members
             if each not in PARTS],
        )  # fmt: skip


def _comments(kind: type) -> dict[str, str]:
    """The `#:` comment of each field."""
    found = re.findall(r"^    (\w+): .*  #: (.+)$", inspect.getsource(kind), re.MULTILINE)
    return {name: _code(text) for name, text in found}


def _spellings(action: argparse.Action) -> list[str]:
    place = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
    if not action.option_strings:
        return [str(place)]
    return [f"{flag}={place}" if place else flag for flag in action.option_strings]


def _sentence(text: str) -> str:
    """Help, with what argparse would put in or take out, and safe as markup."""
    return re.sub(r"([*|_])", r"\\\1", " ".join(text.replace("%%", "%").split()))


def _code(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"``\1``", text)


def _shown(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else repr(value)
