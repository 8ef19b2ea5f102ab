"""What the other clients of the family write, recorded from real runs of them."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent

#: The namespaces of the dumps. tp3 uses none.
_NAMESPACES = ("resque", "myapp")


@dataclass(frozen=True, slots=True)
class Dump:
    """What a client had in Redis at one moment of its work, in one namespace."""

    system: str
    scene: str  #: What it did, and when.
    taken_at: datetime
    namespace: str
    keys: dict[str, Any]  #: By name without the namespace: {"type", "ttl", "value"}.

    def __str__(self) -> str:
        return f"{self.system} {self.scene} {self.namespace}".strip()

    def value(self, key: str, default: Any = None) -> Any:
        return self.keys[key]["value"] if key in self.keys else default

    def values(self, beginning: str) -> dict[str, Any]:
        """By what follows the beginning of the key."""
        found = {name.partition(beginning): fields for name, fields in self.keys.items()}
        return {rest: fields["value"] for (before, _, rest), fields in found.items() if not before}


def payloads() -> list[tuple[str, str, str]]:
    """Peer, what its user gave as JSON, and the bytes it put on the queue, as text."""
    peers = _load("payloads.json")["peers"]
    return [
        (peer, str(case["given"]), case["raw"])
        for peer, recorded in peers.items()
        for case in recorded["cases"]
    ]


def records() -> dict[str, dict[str, Any]]:
    """By peer: its worker's record and start by key, and its failures under "failed"."""
    found: dict[str, dict[str, Any]] = _load("records.json")["peers"]
    return found


def dumps() -> list[Dump]:
    """Every dump of dumps.json, one for each namespace in it. Which systems: see there."""
    return [dump for recorded in _load("dumps.json")["dumps"] for dump in _parted(recorded)]


def odd() -> Any:
    """Odd things that were given to clients, or that they wrote. What is what: see odd.json."""
    return _load("odd.json")


def instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _parted(recorded: dict[str, Any]) -> list[Dump]:
    parts: dict[str, dict[str, Any]] = {}
    for key, fields in recorded["keys"].items():
        namespace, _, name = key.partition(":")
        known = namespace in _NAMESPACES
        parts.setdefault(namespace if known else "", {})[name if known else key] = fields
    return [
        Dump(recorded["system"], recorded["scene"], instant(recorded["taken_at"]), each, keys)
        for each, keys in parts.items()
    ]


def _load(name: str) -> Any:
    return json.loads((_HERE / name).read_text("utf-8"))
