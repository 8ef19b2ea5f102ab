"""The README is true: its code is put into a scratch project, its commands are run there."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

import django_resque
from django_resque import conf, rules

README = Path(__file__).parent.parent / "README.rst"


def blocks() -> list[tuple[str, str]]:
    """Language and text of each code block, in order."""
    found = re.findall(
        r"^\.\. code-block:: (\w+)\n\n((?:    .*\n|\n)+)", README.read_text("utf-8"), re.MULTILINE
    )
    return [
        (language, "\n".join(line[4:] for line in text.rstrip("\n").split("\n")) + "\n")
        for language, text in found
    ]


def run(directory: Path, *words: str) -> str:
    """Output of a command in the scratch project, without what Django adds to its shell."""
    bin_directory = str(Path(sys.executable).parent)
    done = subprocess.run(
        words,
        cwd=directory,
        env={
            **{name: value for name, value in os.environ.items() if "DJANGO" not in name},
            "PATH": f"{bin_directory}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "200",
            "PYTHONPATH": str(Path(django_resque.__file__).parent.parent),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stdout, done.stdout
    return done.stdout


def run_console(directory: Path, text: str) -> None:
    """Each `$ command` prints what stands below it, where `...` stands for anything."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        output = run(directory, "sh", "-c", command)
        checker = doctest.OutputChecker()
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        assert checker.check_output(expected, output, flags), f"$ {command}\n{output}"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    call_command("startproject", "mysite", str(tmp_path))
    (tmp_path / "shop").mkdir()
    call_command("startapp", "shop", str(tmp_path / "shop"))
    return tmp_path


def test_every_example_runs_in_a_new_project(project: Path) -> None:
    for language, text in blocks():
        first = text.partition("\n")[0]
        if language == "console":
            run_console(project, text)
        elif language == "python" and first.startswith("# "):
            with (project / first.removeprefix("# ")).open("a", encoding="utf-8") as file:
                file.write(f"\n{text}")
        elif language == "python":
            output = run(project, "python", "manage.py", "shell", "-v", "0", "-c", text)
            assert "waiting" in output
        else:
            assert language == "ini"


def test_the_first_screen_is_at_most_two_files_five_lines_and_a_few_commands() -> None:
    section = README.read_text("utf-8").partition("A first job\n")[2].partition("That is all")[0]
    code = re.findall(r"code-block:: python\n\n((?:    .*\n|\n)+)", section)
    lines = [line for text in code for line in text.splitlines() if line.strip(" ")]

    assert len(code) == 2
    assert len([line for line in lines if not line.strip().startswith("#")]) <= 5
    assert "python3 -m pip install django-resque" in section


def test_the_table_of_settings_is_complete_and_has_the_defaults() -> None:
    section = README.read_text("utf-8").partition("\nSettings\n")[2].partition("\nCommands\n")[0]
    documented = dict(re.findall(r"^``([A-Z_]+)`` +(?:``([^`]+)``)?", section, re.MULTILINE))

    assert documented.keys() == rules.RULES.keys()
    defaults = conf.Options()
    for name, default in documented.items():
        if default and name not in ("URL", "QUEUES"):
            assert eval(default) == getattr(defaults, name.lower())


@pytest.mark.parametrize(
    "command",
    [
        "resque_work",
        "resque_status",
        "resque_stop",
        "resque_enqueue",
        "resque_queues",
        "resque_failures",
    ],
)
def test_every_flag_is_documented(command: str) -> None:
    from django.core.management import get_commands, load_command_class
    from django.core.management.base import BaseCommand

    known = {"-h", *BaseCommand().create_parser("manage.py", "x")._option_string_actions}
    parser = load_command_class(get_commands()[command], command).create_parser("manage.py", "x")
    section = README.read_text("utf-8").partition("\nCommands\n")[2].partition("\nAdmin\n")[0]

    flags = parser._option_string_actions.keys() - known - {"--queues"}
    assert flags
    for flag in flags:
        assert f"``{flag}" in section, flag
