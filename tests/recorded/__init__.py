"""What the other clients of the family write, recorded from real runs of them."""

import json
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


def payloads() -> list[tuple[str, str, str]]:
    """Peer, what its user gave as JSON, and the bytes it put on the queue, as text."""
    peers = _load("payloads.json")
    return [
        (peer, str(case["given"]), case["raw"])
        for peer, recorded in peers.items()
        for case in recorded["cases"]
    ]


def records() -> dict[str, dict[str, Any]]:
    """By peer: its worker's record and start by key, and its failures under "failed"."""
    found: dict[str, dict[str, Any]] = _load("records.json")
    return found


def _load(name: str) -> Any:
    return json.loads((_HERE / name).read_text("utf-8"))["peers"]
