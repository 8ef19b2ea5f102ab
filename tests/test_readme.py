"""The README is true: its code is put into a scratch project, its commands are run there."""

import os
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from django_resque import conf, rules
from tests import examples
from tests.conftest import wait_for

README = Path(__file__).parent.parent / "README.rst"


def commands(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def first_job() -> str:
    """The section of the README that begins with nothing and ends with a job that was performed."""
    section = README.read_text("utf-8").partition("A first job\n")[2]
    return section.partition("To look around first")[0]


@pytest.mark.timeout(600)  # Two dozen commands, one after the other.
def test_every_example_runs_in_a_new_project(tmp_path: Path) -> None:
    """In which the app is there that it speaks of from its section on jobs on."""
    project = examples.project_in(tmp_path)
    with (project / "mysite/settings.py").open("a", encoding="utf-8") as file:
        file.write('INSTALLED_APPS += ["shop"]\n')

    examples.play(README, project, sh=run_all)


def run_all(some: list[examples.Block], project: Path) -> None:
    """All but those that need somebody's hands."""
    for command in [command for block in some for command in commands(block.text)]:
        if command.split()[2] not in BY_HAND:
            examples.run(project, "sh", "-c", command)


def test_every_link_to_a_file_leads_to_one() -> None:
    links = re.findall(r"<([\w./-]+)>`__", README.read_text("utf-8"))

    assert len(links) > 20
    assert [link for link in links if not (README.parent / link).exists()] == []


def test_the_first_job_takes_two_files_five_lines_and_four_commands() -> None:
    files = re.findall(r"code-block:: python\n\n((?:    .*\n|\n)+)", first_job())
    lines = [line.strip() for text in files for line in text.splitlines()]

    assert len(files) == 2
    assert len([line for line in lines if line and not line.startswith("#")]) <= 5
    assert len(re.findall(r"^    python manage.py ", first_job(), re.MULTILINE)) == 4
    assert "python3 -m pip install django-resque" in first_job()


def test_the_first_job_is_seen_in_the_admin_by_who_does_as_told(tmp_path: Path) -> None:
    """From the empty directory to the worker's last line; only the port is one that is free."""
    create = re.search(
        r"^    (django-admin startproject \w+) && cd (\w+)$", first_job(), re.MULTILINE
    )
    assert create
    examples.run(tmp_path, "sh", "-c", create[1])
    project = tmp_path / create[2]

    for block in examples.blocks(README):
        if block.file:
            examples.append(block, project)
        elif block.language == "sh":
            *before, serve = commands(block.text)
            for command in before:
                run_by_hand(project, command)
            with server(project, f"{serve} 0") as admin:
                page = walk(signed_in(admin), admin, "Queues", "default")
                assert "mysite.jobs.greet" in page
                assert "Ada" in page
        else:
            examples.console([block], project)
            return


#: Commands that ask, or go on.
BY_HAND = ("createsuperuser", "runserver")

#: What createsuperuser asks, and what a person says.
ANSWERS = {"Username": "ada", "Email": "", "Password:": "a-long-word", "(again)": "a-long-word"}


def run_by_hand(project: Path, command: str) -> None:
    """In a terminal, with somebody at it."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        ["sh", "-c", command],
        cwd=project,
        env=examples.environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        output, answers = "", list(ANSWERS.items())
        with suppress(OSError):  # How a terminal says that its last process has ended.
            while text := os.read(ours, 4096).decode():
                output += text
                if answers and answers[0][0] in output.rpartition("\n")[2]:
                    os.write(ours, f"{answers.pop(0)[1]}\n".encode())
    os.close(ours)
    assert process.returncode == 0, output


@contextmanager
def server(project: Path, command: str) -> Iterator[str]:
    """The web server of a project; yields the address of its admin."""
    log = project / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["sh", "-c", f"exec {command} --noreload"],
            cwd=project,
            env=examples.environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        found = wait_for(lambda: re.search(r"http://[\d.:]+/", log.read_text()), "the web server")
        yield f"{found[0]}admin/"
    finally:
        process.terminate()
        process.wait()


def signed_in(admin: str) -> urllib.request.OpenerDirector:
    """A browser, signed in as the user of ANSWERS."""
    opener = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(), urllib.request.ProxyHandler({})
    )
    token = re.search(
        r'name="csrfmiddlewaretoken" value="(\w+)"', opener.open(admin).read().decode()
    )
    assert token
    fields = {"username": ANSWERS["Username"], "password": ANSWERS["Password:"]}
    fields["csrfmiddlewaretoken"] = token[1]
    opener.open(f"{admin}login/?next=/admin/", urllib.parse.urlencode(fields).encode())
    return opener


def walk(browser: urllib.request.OpenerDirector, address: str, *links: str) -> str:
    """The page that these links lead to, one after the other."""
    page = str(browser.open(address).read().decode())
    if not links:
        return page
    found = re.search(rf'<a href="([^"]+)"[^>]*>\s*{links[0]}\s*</a>', page)
    assert found, f"no link {links[0]} on {address}"
    return walk(browser, urllib.parse.urljoin(address, found[1]), *links[1:])


def test_the_table_of_settings_is_complete_and_has_the_defaults() -> None:
    section = README.read_text("utf-8").partition("\nSettings\n")[2].partition("\nCommands\n")[0]
    documented = dict(re.findall(r"^``([A-Z_]+)`` +(?:``([^`]+)``)?", section, re.MULTILINE))

    assert documented.keys() == rules.RULES.keys()
    defaults = conf.Options()
    for name, default in documented.items():
        if default and name not in ("URL", "QUEUES"):
            given = eval(default)
            expected = tuple(given) if isinstance(given, list) else given
            assert getattr(defaults, name.lower()) == expected


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
