"""
Arguments as a page may show them: what is named like a secret is masked.

Also in a text that holds JSON or the ruins of some, which is how a payload is kept that
nobody can read.
"""

import re
from collections.abc import Iterable
from functools import cache
from inspect import Parameter
from typing import Any

#: Names of secrets, and short ones that are one only as a word of their own: not "monkey".
SECRET = re.compile(
    r"pass(?:word|wd|phrase|code)|secret|token|credential|signature|cookie|authorization"
    r"|(?:api|access|private|secret)[_-]?key|card[_-]?number"
    r"|(?:^|[_-])(?:key|auth|pass|pwd|pin|cvv|cvc|iban)(?:$|[_-])",
    re.IGNORECASE,
)

MASK = "********************"


#: In a text: a name and its colon; and what ends a value without quotes. Quotes may be escaped.
_NAME = re.compile(r'(\\{0,9}")([^"\\]{1,100})\1\s*:\s*')
_AFTER = re.compile(r"[,}\]\s]|$")


class Unknown(ValueError):
    """A mask where none was: nobody knows what it stands for."""


@cache
def secrets(more: tuple[str, ...] = ()) -> re.Pattern[str]:
    """The names of secrets, and those that contain one of these words too."""
    return re.compile("|".join([SECRET.pattern, *map(re.escape, more)]), re.IGNORECASE)


def masked(value: Any, secret: re.Pattern[str] = SECRET) -> Any:
    """The value, with a mask in place of everything that stands under a secret's name."""
    if isinstance(value, dict):
        found = {
            name: MASK if secret.search(str(name)) else masked(item, secret)
            for name, item in value.items()
        }
        if "base64" in found and found.get("args") != value.get("args"):
            found["base64"] = MASK  # The same once more: see failure.py.
        return found
    if isinstance(value, list):
        return [masked(item, secret) for item in value]
    return masked_text(value, secret) if isinstance(value, str) else value


def masked_text(text: str, secret: re.Pattern[str] = SECRET) -> str:
    """The same for JSON in a text, whole or not."""
    found, at = [], 0
    for name in _NAME.finditer(text):
        if name.start() >= at and secret.search(name[2]):
            found += [text[at : name.end()], name[1], MASK, name[1]]
            at = _value_end(text, name.end(), name[1])
    return "".join([*found, text[at:]])


def _value_end(text: str, begin: int, quote: str) -> int:
    """Where a value is over: rather too late than too early."""
    if text.startswith(quote, begin):
        found = re.compile(rf"(?<!\\){re.escape(quote)}").search(text, begin + len(quote))
        return found.end() if found else len(text)
    if text.startswith(("[", "{"), begin):
        return len(text)
    found = _AFTER.search(text, begin)
    return found.start() if found else len(text)


def masked_arguments(
    args: list[Any], parameters: Iterable[Parameter], secret: re.Pattern[str] = SECRET
) -> list[Any]:
    """The same for positional arguments, which are named by the parameters of their job."""
    found: list[Any] = masked(args, secret)
    for at, parameter in enumerate(parameters):
        if secret.search(parameter.name):
            end = len(found) if parameter.kind is parameter.VAR_POSITIONAL else at + 1
            found[at:end] = [MASK] * len(found[at:end])
    return found


def unmasked(edited: Any, shown: Any, original: Any) -> Any:
    """
    What a person has made of a masked value, with the original behind each mask that is left
    where it was. Raises Unknown for a mask elsewhere, and in a list of another length: nobody
    knows which of its elements went.
    """
    if isinstance(edited, str) and MASK in edited:
        if edited != shown:
            raise Unknown
        return original
    if isinstance(edited, dict):
        shown, original = (each if isinstance(each, dict) else {} for each in (shown, original))
        return {
            name: unmasked(item, shown.get(name), original.get(name))
            for name, item in edited.items()
        }
    if isinstance(edited, list):
        if not (isinstance(shown, list) and len(shown) == len(edited)):
            shown = original = [None] * len(edited)
        return [unmasked(*each) for each in zip(edited, shown, original, strict=True)]
    return edited
