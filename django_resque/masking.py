"""
Arguments as a page may show them: what is named like a secret is masked.
"""

import re
from typing import Any

#: The names Django's error pages hide, and a few more.
SECRET = re.compile(
    r"api|auth|token|key|secret|pass|pwd|signature|cookie|credential|card|cvv|iban", re.IGNORECASE
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
