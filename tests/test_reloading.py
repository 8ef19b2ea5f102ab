"""Changed code is noticed, and the same command starts anew in the same process."""

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from django_resque import reloading
from django_resque.reloading import SETTLING, Files
from tests.conftest import ROOT, wait_for

OLD = 10**18  #: An mtime in ns, years ago.


def write(path: Path, text: str, changed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    os.utime(path, ns=(changed, changed))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project's package, of which only the top is loaded."""
    directory = tmp_path / "reloaded_package"
    for name in ("__init__.py", "lazy.py", "inner/__init__.py", "inner/deep.py", "data/other.py"):
        write(directory / name, "X = 1\n", OLD)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("reloaded_package")
    yield directory
    for name in [each for each in sys.modules if each.startswith("reloaded_package")]:
        del sys.modules[name]


def test_nothing_changed(package: Path) -> None:
    files = Files()

    assert files.changed() is None
    assert files.broken() == ""


@pytest.mark.parametrize("name", ["__init__.py", "lazy.py", "inner/deep.py"])
def test_a_changed_file_of_the_project_is_noticed_once_loaded_or_not(
    package: Path, name: str
) -> None:
    files = Files()

    write(package / name, "X = 1\n", OLD + 1)

    assert files.changed() == package / name
    assert files.changed() is None
    assert files.broken() == ""


def test_an_older_file_is_a_change_and_so_is_another_length(package: Path) -> None:
    files = Files()

    write(package / "lazy.py", "X = 1\n", OLD - 1)
    assert files.changed() == package / "lazy.py"

    write(package / "lazy.py", "X = 10\n", OLD - 1)
    assert files.changed() == package / "lazy.py"


def test_what_is_no_code_of_the_project_is_not_watched(package: Path) -> None:
    files = Files()

    write(package / "data" / "other.py", "X = 2\n", OLD + 1)
    write(package / "page.html", "text", OLD + 1)

    assert files.changed() is None


def test_an_installed_module_is_watched_when_it_is_loaded() -> None:
    import redis

    watched = set(reloading._watched())

    assert redis.__file__ in watched
    assert json.__file__ in watched
    assert str(Path(json.__file__).with_name("tool.py")) not in watched


def test_a_module_loaded_later_is_watched_from_then_on(tmp_path: Path, package: Path) -> None:
    files = Files()
    write(package.parent / "reloaded_package_two.py", "X = 1\n", OLD)
    importlib.import_module("reloaded_package_two")
    assert files.changed() is None

    write(package.parent / "reloaded_package_two.py", "X = 2\n", OLD + 1)

    assert files.changed() == package.parent / "reloaded_package_two.py"


def test_a_file_that_is_gone_is_waited_for(package: Path) -> None:
    files = Files()

    (package / "lazy.py").rename(package / "lazy.py~")
    assert files.changed() is None

    (package / "lazy.py~").rename(package / "lazy.py")
    assert files.changed() is None

    (package / "lazy.py").unlink()
    assert files.changed() is None

    write(package / "lazy.py", "X = 2\n", OLD + 1)
    assert files.changed() == package / "lazy.py"


def test_a_file_that_may_still_be_being_written_is_told_later(package: Path) -> None:
    files = Files()

    written = time.time_ns()
    write(package / "lazy.py", "X =", written)
    first = files.changed()
    in_time = time.time_ns() - written < SETTLING * 1e9

    assert first is None or not in_time
    assert first or wait_for(files.changed, "the change is told") == package / "lazy.py"


def test_a_file_from_the_future_is_no_reason_to_wait(package: Path) -> None:
    files = Files()

    write(package / "lazy.py", "X = 2\n", time.time_ns() + 10**12)

    assert files.changed() == package / "lazy.py"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("X = (\n", "'(' was never closed (line 1)"),
        ("X = 1\n  Y = 2\n", "unexpected indent (line 2)"),
        ("# coding: no-such\n", "unknown encoding: no-such"),
        ("X = '\xe9'\0", "null bytes"),
    ],
)
def test_code_that_does_not_compile_is_told_in_one_sentence(
    package: Path, text: str, reason: str
) -> None:
    files = Files()
    write(package / "lazy.py", text, OLD + 1)
    files.changed()

    broken = files.broken()

    assert broken.startswith(f"{package / 'lazy.py'} does not compile: ")
    assert reason in broken
    assert len(broken.splitlines()) == 1


def test_a_broken_file_is_broken_until_it_compiles_whatever_else_changes(package: Path) -> None:
    files = Files()
    write(package / "lazy.py", "X = (", OLD + 1)
    write(package / "inner" / "deep.py", "X = (", OLD + 1)
    files.changed()
    write(package / "__init__.py", "X = 3\n", OLD + 1)
    assert files.changed() == package / "__init__.py"
    assert "inner/deep.py does not compile" in files.broken()

    (package / "inner" / "deep.py").unlink()
    assert "lazy.py does not compile" in files.broken()

    write(package / "lazy.py", "X = 2\n", OLD + 2)
    assert files.changed() == package / "lazy.py"
    assert files.broken() == ""


def test_odd_things_among_the_modules_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reloaded_none", None)
    monkeypatch.setitem(sys.modules, "reloaded_odd", object())

    assert Files().changed() is None


MANAGE = """
import os, sys, time

def main():
    if os.environ.get("MOVE"):
        os.chdir("/")
    from django_resque import reloading
    again = os.environ.get("AGAIN")
    with open(os.environ["LOG"], "a") as log:
        print([os.getpid(), os.environ.get("ADDED"), sys.argv[1:], sys.flags.dev_mode,
               sys.warnoptions, sys.stdout.write_through, len(os.listdir("/proc/self/fd"))],
              file=log)
    sys.stdout.write("said ")
    if not again:
        os.environ.update(AGAIN="1", ADDED="\\xe9 x")
        descriptor = os.open(os.devnull, os.O_RDONLY)
        reloading.execute()

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project with blanks"
    write(directory / "manage.py", MANAGE, OLD)
    write(directory / "asked" / "__init__.py", "", OLD)
    write(directory / "asked" / "__main__.py", MANAGE, OLD)
    write(directory / "console", f"#!{sys.executable}\n{MANAGE}", OLD)
    (directory / "console").chmod(0o755)
    return directory


@pytest.mark.parametrize(
    ("words", "move", "warnings"),
    [
        ([sys.executable, "manage.py"], "", []),
        ([sys.executable, "manage.py"], "1", []),
        ([sys.executable, "-W", "error", "-X", "dev", "-u", "manage.py"], "1", ["error"]),
        ([sys.executable, "./../project with blanks/manage.py"], "1", []),
        ([sys.executable, "-m", "asked"], "", []),
        ([sys.executable, "-Werror", "-m", "asked"], "", ["error"]),
        (["./console"], "1", []),
    ],
)
def test_the_same_command_starts_anew_in_the_same_process(
    project: Path, words: list[str], move: str, warnings: list[str]
) -> None:
    log = project / "log"
    path = {"PYTHONPATH": str(ROOT), "LOG": str(log), "MOVE": move}

    ended = subprocess.run(
        [*words, "--queue=a b", "-m", "x", "--reload"],
        cwd=project,
        env={**{k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}, **path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "said said "
    first, second = (eval(line) for line in log.read_text().splitlines())
    assert second[0] == first[0]
    assert [first[1], second[1]] == [None, "\xe9 x"]
    assert second[2] == first[2] == ["--queue=a b", "-m", "x", "--reload"]
    assert second[3:] == first[3:]
    assert set(warnings) <= set(first[4])


def test_a_django_command_starts_anew(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from django.core.management import execute_from_command_line as run\n"
        "from django_resque import reloading\n"
    )
    log = tmp_path / "log"
    write(
        tmp_path / "reloaded_settings.py",
        f"{script}\nwith open({str(log)!r}, 'a') as log: print(os.getpid(), file=log)\n"
        "if not os.environ.get('AGAIN'):\n"
        "    os.environ['AGAIN'] = '1'\n"
        "    reloading.execute()\n"
        "INSTALLED_APPS = ['django_resque']\n",
        OLD,
    )

    ended = subprocess.run(
        [sys.executable, "-m", "django", "check", "--settings=reloaded_settings"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert "no issues" in ended.stdout
    assert len(set(log.read_text().split())) == 1
    assert len(log.read_text().split()) == 2
