"""One field per scenario: see field.py."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest_django import Settings

from tests.chaos.ledger import Ledger
from tests.conftest import Farm

if TYPE_CHECKING:
    from tests.chaos.field import Field

# What it asserts is told as in a test; it must not have been imported before.
pytest.register_assert_rewrite("tests.chaos.field")


@pytest.fixture
def field(farm: Farm, settings: Settings, tmp_path: Path) -> "Iterator[Field]":
    """Everything that is enqueued here goes through its proxy."""
    from tests.chaos import field as fields

    found = fields.begin(fields.directory(), farm, Ledger(tmp_path / "ledger"))
    settings.RESQUE = {"URL": found.proxy.url, "DEFAULT_QUEUE": "chaos", "ON_COMMIT": False}
    yield found
    fields.end(found)
