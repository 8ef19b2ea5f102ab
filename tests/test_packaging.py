"""What stands between a commit and a release notices what it is there for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import check_docs, check_skipped, check_wheel
from tests.conftest import ROOT

PACKAGE = {"django_resque/__init__.py", "django_resque/py.typed", "django_resque/scripts/a.lua"}


def wheel_problems(*names: str) -> str:
    return "\n".join(check_wheel.problems(set(names), PACKAGE))


def test_a_wheel_that_lacks_a_file_is_noticed() -> None:
    found = wheel_problems("django_resque/__init__.py", "django_resque/py.typed")

    assert "django_resque/scripts/a.lua is in the checkout but not in the wheel" in found
    assert "No file of the wheel is named *.lua." in found


def test_a_wheel_that_holds_too_much_is_noticed() -> None:
    found = wheel_problems(*PACKAGE, "tests/__init__.py", "django_resque/old.py")

    assert "tests/__init__.py is in the wheel but is no part of the package." in found
    assert "django_resque/old.py is in the wheel but not in the checkout" in found


def test_the_files_of_a_package_are_not_its_caches(tmp_path: Path) -> None:
    for name in ("a.py", "scripts/a.lua", "__pycache__/a.pyc", ".mypy_cache/3.11/a.json"):
        path = tmp_path / "django_resque" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    assert check_wheel.package_files(tmp_path) == {
        "django_resque/a.py",
        "django_resque/scripts/a.lua",
    }


@pytest.mark.parametrize(
    ("skipped", "there", "expected"),
    [
        ({"py313-django61"}, {"python3.13"}, ["py313-django61 although /there/python3.13"]),
        ({"py313-django61"}, {"python3.12"}, []),
        ({"py311-django52", "py313-django61", "lint"}, {"python3.11"}, ["no environment", "py311"]),
        (set(), {"python3.13"}, []),
    ],
)
def test_a_skipped_environment_is_an_error_if_its_interpreter_is_there(
    skipped: set[str], there: set[str], expected: list[str]
) -> None:
    names = ("py311-django52", "py313-django61", "lint")
    results = {"testenvs": {name: {"result": {"skipped": name in skipped}} for name in names}}
    results["testenvs"][".pkg"] = {}

    found = list(
        check_skipped.problems(results, lambda name: f"/there/{name}" if name in there else None)
    )

    assert len(found) == len(expected)
    assert all(text in sentence for text, sentence in zip(expected, found, strict=True))


@pytest.mark.parametrize(("exit_code", "expected"), [(0, 1), (127, 0)])
def test_an_interpreter_of_pyenv_is_found_if_it_works(
    exit_code: int, expected: int, tmp_path: Path
) -> None:
    python = tmp_path / "pyenv/versions/3.99.0/bin/python3.99"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\nexit {exit_code}\n")
    python.chmod(0o755)
    results = tmp_path / "results.json"
    ended = {
        "py399-django61": {"result": {"skipped": True}},
        "lint": {"result": {"skipped": False}},
    }
    results.write_text(json.dumps({"testenvs": ended}))

    checked = subprocess.run(
        [sys.executable, str(ROOT / "tests/check_skipped.py"), str(results)],
        env={"PYENV_ROOT": str(tmp_path / "pyenv"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == expected
    assert str(python) in checked.stdout or not expected


def test_a_link_into_nothing_is_noticed_in_what_is_built(tmp_path: Path) -> None:
    links = '<a class="x" href="b.html#c"><a href="https://d"><a href="#e">'
    (tmp_path / "a.html").write_text(links)
    (found,) = check_docs.problems(tmp_path)
    (tmp_path / "b.html").touch()

    assert found == "a.html links b.html, which is not there."
    assert list(check_docs.problems(tmp_path)) == []
