"""In tox it is the wheel that is tested, not the checkout it was built from."""

import os
import sysconfig
from pathlib import Path

import pytest

import django_resque
from tests.conftest import Farm

pytestmark = pytest.mark.skipif(
    "TOX_ENV_DIR" not in os.environ, reason="outside of tox the checkout is tested"
)

INSTALLED = Path(sysconfig.get_path("purelib"))


def test_the_tests_import_the_wheel() -> None:
    assert Path(django_resque.__file__).parent.parent == INSTALLED


def test_the_commands_that_tests_start_import_the_wheel(farm: Farm) -> None:
    command = farm("shell", "-v", "0", "-c", "import django_resque as d; print(d.__file__)")

    assert command.ends() == 0
    assert Path(command.output.strip()).parent.parent == INSTALLED
