"""
Arguments as a page may show them: what is named like a secret is masked.
"""

import re
from collections.abc import Iterable
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


def masked(value: Any) -> Any:
    """The value, with a mask in place of everything that stands under a secret's name."""
    if isinstance(value, dict):
        return {
            name: MASK if SECRET.search(str(name)) else masked(item) for name, item in value.items()
        }
    if isinstance(value, list):
        return [masked(item) for item in value]
    return value


def masked_arguments(args: list[Any], parameters: Iterable[Parameter]) -> list[Any]:
    """The same for positional arguments, which are named by the parameters of their job."""
    found: list[Any] = masked(args)
    for at, parameter in enumerate(parameters):
        if SECRET.search(parameter.name):
            end = len(found) if parameter.kind is parameter.VAR_POSITIONAL else at + 1
            found[at:end] = [MASK] * len(found[at:end])
    return found
