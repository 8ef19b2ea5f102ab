"""
Noticing that code has changed, and starting the same command anew: `resque_work --reload`.

What is watched are files of Python modules: those that are loaded, and all others of
the project's own packages, because a job may import one when it is performed, in a
process that is not ours. Templates are not watched, Django reads them as it is told to; nor
are translations and other data, nor modules in zip files.
"""

import logging
import os
import site
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import NoReturn

#: Seconds after its last change for which a file may still be being written.
SETTLING = 0.2

#: Seconds between two looks.
EACH = 1.0

#: When a file changed, in ns, and how long it is. Gone files have none.
Stamp = tuple[int, int]


class Files:
    """The watched files, as they were when they were first seen here."""

    def __init__(self) -> None:
        self._loaded: tuple[str, ...] = ()
        self._stamps: dict[str, Stamp | None] = {}
        self._suspects: set[Path] = set()
        self._update()

    def changed(self) -> Path | None:
        """
        A file that is not as it was at the last call; None, and fast, if all are.

        One that is gone is waited for: editors and version control take files away and
        put them back. One that changed just now is told at a later call.
        """
        self._update()
        settled = time.time_ns() - int(SETTLING * 1e9)
        found = []
        for path, stamp in self._stamps.items():
            now = _stamp(path)
            if now != stamp and now and not settled < now[0] <= time.time_ns():
                found.append(path)
                self._stamps[path] = now
        self._suspects.update(map(Path, found))
        return Path(found[0]) if found else None

    def broken(self) -> str:
        """
        Which changed file does not compile and why, in one sentence; "" if all do. It is asked
        about until it does: what is started anew loads all of them.
        """
        for path in sorted(self._suspects):
            if reason := _reason(path):
                return f"{path} does not compile: {reason}."
        return ""

    def _update(self) -> None:
        """Watch what was loaded since the last time."""
        loaded = tuple(sys.modules)
        if loaded != self._loaded:
            self._loaded = loaded
            for path in _watched():
                self._stamps.setdefault(path, _stamp(path))


class Reload:
    """Looks once a second whether the command is to begin anew: then `wanted` is True."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.wanted = False
        self.due = time.monotonic()
        self._say = say
        self._files = Files()
        self._path: Path | None = None
        self._said = ""

    def turn(self) -> None:
        if self.wanted or time.monotonic() < self.due:
            return
        self.due = time.monotonic() + EACH
        self._path = self._files.changed() or self._path
        if self._path is None:
            return
        broken = self._files.broken()
        self.wanted = not broken
        said = broken or f"{self._path} has changed: beginning anew."
        if said != self._said:
            self._say(said)
        self._said = said


def execute() -> NoReturn:
    """
    Start this command anew in this process: the same pid and environment, the same words and
    options of the interpreter. Descriptors but 0, 1 and 2 are closed by it. Raises OSError.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream:
            stream.flush()
    words = command()
    os.execv(words[0], words)  # noqa: S606 -- the command that we are


def command() -> list[str]:
    """The words that started this process. A script is named in full: some change directory."""
    interpreter = sys.executable or sys.orig_argv[0]
    words = sys.orig_argv[1:]
    main = sys.modules["__main__"]
    # With `-m` there is a __spec__, and what to say is already among the words.
    script = getattr(main, "__file__", None)
    if script and main.__spec__ is None and sys.argv[0] in words:
        words[words.index(sys.argv[0])] = script
    return [interpreter, *words]


def _watched() -> Iterator[str]:
    installed = _installed()
    packages = set()
    for name, module in list(sys.modules.items()):
        if path := _file(module):
            yield path
            if not path.startswith(installed):
                packages.add(name.partition(".")[0])
    for name in packages:
        for directory in getattr(sys.modules.get(name), "__path__", ()):
            yield from _sources(directory)


def _file(module: object) -> str:
    """Where a module was loaded from; "" if from no file. What is in sys.modules may be odd."""
    if not isinstance(module, ModuleType):
        return ""
    spec = vars(module).get("__spec__")
    path = spec.origin if spec and spec.has_location else vars(module).get("__file__")
    return str(path) if path else ""


def _installed() -> tuple[str, ...]:
    """Directories of code that is not the project's own."""
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    found = {sysconfig.get_path(kind) for kind in kinds}
    found.update(site.getsitepackages(), [site.getusersitepackages()])
    return tuple(f"{path}{os.sep}" for path in found if path)


def _sources(directory: str) -> Iterator[str]:
    """Of a package and the packages in it. Not of what else is there: node_modules, fixtures."""
    for parent, directories, names in os.walk(directory):
        directories[:] = [
            each for each in directories if (Path(parent) / each / "__init__.py").exists()
        ]
        yield from (os.path.join(parent, name) for name in names if name.endswith(".py"))  # noqa: PTH118


def _stamp(path: str) -> Stamp | None:
    try:
        found = os.stat(path)  # noqa: PTH116 -- thousands of times a second
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _reason(path: Path) -> str:
    if path.suffix != ".py":
        return ""
    try:
        compile(path.read_bytes(), path, "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"{error.msg} (line {error.lineno})"
    except FileNotFoundError:
        return ""
    except OSError as error:
        return str(error.strerror)
    except ValueError as error:  # A null byte, before Python 3.12.
        return str(error)
    return ""
