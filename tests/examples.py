"""
The code of a page of documentation, run as its reader would run it, in a scratch project.

- `python` that begins with the name of a file, `# shop/jobs.py`, is appended to that file.
- Other `python` runs in `manage.py shell`. Settings under `# mysite/settings.py, elsewhere` name a
  Redis that is not here: they are checked by the rules of the settings, and go no further.
- `console`: each `$ command` prints what stands below it, where `...` stands for anything.
- `sh`: commands for other machines. They exist, with these flags; they are not run.
- `json` is JSON.
- Under `.. from FILE` the lines stand in that file, in this order.
- With `:class: theirs` it is code for another library. Python compiles, others are only shown.
"""

import doctest
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from django.core.management import call_command, get_commands, load_command_class
from django.test import override_settings

import django_resque
from django_resque import conf, rules

SETTINGS = "# mysite/settings.py"

BLOCK = re.compile(
    r"^\.\. code-block:: (?P<language>\w+)\n(?P<options>(?:    :.*\n)*)\n"
    r"(?P<text>(?:    .*\n|\n)+)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Block:
    """One example."""

    language: str
    text: str
    line: int
    theirs: bool  #: Code for another library.
    source: Path | None  #: The file that it quotes.

    @property
    def file(self) -> str:
        """The file of the project that it is appended to, or ""."""
        first = self.text.partition("\n")[0]
        found = re.fullmatch(r"# ([\w/]+\.py)", first)
        return found.group(1) if found and self.language == "python" else ""

    @property
    def kind(self) -> str:
        """What becomes of it."""
        if self.theirs or self.source:
            return "theirs" if self.theirs else "quoted"
        if self.text.startswith(f"{SETTINGS}, "):
            return "settings"
        return self.language


def blocks(page: Path) -> list[Block]:
    """In their order."""
    text = f"\n{page.read_text('utf-8')}\n"
    found = [
        Block(
            language=match["language"],
            text=re.sub(r"^    ", "", match["text"].rstrip("\n"), flags=re.MULTILINE) + "\n",
            line=text[: match.start()].count("\n"),
            theirs=":class: theirs" in match["options"],
            source=_source(page, text[: match.start()].splitlines()[-1]),
        )
        for match in BLOCK.finditer(text)
    ]
    assert len(found) == text.count(".. code-block::"), f"{page.name}: one is indented"
    return found


def _source(page: Path, above: str) -> Path | None:
    return page.parent / above.removeprefix(".. from ") if above.startswith(".. from ") else None


def project_in(directory: Path) -> Path:
    """What the reader has before the first line: a project with an app."""
    call_command("startproject", "mysite", str(directory))
    (directory / "shop").mkdir()
    call_command("startapp", "shop", str(directory / "shop"))
    return directory


Player = Callable[[list[Block], Path], None]


def play(page: Path, project: Path, **players: Player) -> None:
    """Everything on a page, top to end. A kind of block may be given a player of its own."""
    for kind, some in groupby(blocks(page), key=lambda block: block.kind):
        player = players.get(kind) or PLAYERS.get(kind)
        assert player, f"{page.name}: nothing runs {kind}"
        player(list(some), project)


def append(block: Block, project: Path) -> None:
    with (project / block.file).open("a", encoding="utf-8") as file:
        file.write(f"\n{block.text}")


def _python(some: list[Block], project: Path) -> None:
    """Files first; the rest in one process, because each takes a second to start."""
    for block in some:
        if block.file:
            append(block, project)
    check = "from django.core.management import call_command as call\n"
    check += "call('check', fail_level='WARNING')\n"
    code = "\n".join([check, *(block.text for block in some if not block.file)])
    run(project, "python", "-W", "error", "manage.py", "shell", "-v", "0", "-c", code)


def console(some: list[Block], project: Path) -> None:
    for block in some:
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            output = run(project, "sh", "-c", command, may_fail=True)
            output = output.replace("Valkey", "Redis")  # The doctor names what it meets.
            flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            same = doctest.OutputChecker().check_output(expected, output, flags)
            assert same, f"line {block.line}: $ {command}\n{output}"
            assert "Traceback" in expected or "Traceback" not in output, output


def _settings(some: list[Block], project: Path) -> None:
    for block in some:
        names: dict[str, Any] = {}
        exec(block.text, names)
        given = {name: names[name] for name in ("CACHES", "RESQUE") if name in names}
        with override_settings(**given):
            conf.build(names["RESQUE"])
            assert list(rules.unknown(names["RESQUE"])) == []


def _sh(some: list[Block], project: Path) -> None:
    for block in some:
        check_commands(block.text)


def _json(some: list[Block], project: Path) -> None:
    for block in some:
        json.loads(block.text)


def _theirs(some: list[Block], project: Path) -> None:
    for block in some:
        if block.language == "python":
            compile(block.text, "theirs", "exec")


def _quoted(some: list[Block], project: Path) -> None:
    for block in some:
        assert block.source
        lines = iter([line.strip() for line in block.source.read_text("utf-8").splitlines()])
        for line in filter(None, map(str.strip, block.text.splitlines())):
            assert line in lines, f"{block.source.name}: {line}"  # It goes on behind the last.


PLAYERS: dict[str, Player] = {
    "python": _python,
    "console": console,
    "settings": _settings,
    "sh": _sh,
    "json": _json,
    "theirs": _theirs,
    "quoted": _quoted,
}


def check_commands(text: str) -> None:
    """Each `resque_...` in it is a command of ours, and has the flags that follow."""
    for line in re.sub(r" +# .*", "", text).splitlines():
        for name, rest in re.findall(r"\b(resque_[a-z]+)\b([^|;&]*)", line):
            assert name in get_commands(), f"{name} in {line!r}"
            parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
            for word in shlex.split(rest):
                flag = word.partition("=")[0]
                known = flag in parser._option_string_actions
                assert known or not flag.startswith("--"), f"{name} {flag} in {line!r}"


def environment() -> dict[str, str]:
    """Of the reader: this Python, this package, and no settings yet."""
    return {
        **{name: value for name, value in os.environ.items() if "DJANGO" not in name},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "200",
        "PYTHONPATH": str(Path(django_resque.__file__).parent.parent),
        "PYTHONUNBUFFERED": "1",
    }


def run(directory: Path, *words: str, may_fail: bool = False) -> str:
    """Output of a command in the scratch project, without what Django adds to its shell."""
    done = subprocess.run(
        words,
        cwd=directory,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    assert may_fail or (done.returncode == 0 and "Traceback" not in done.stdout), done.stdout
    return done.stdout
