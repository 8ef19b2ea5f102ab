"""
The project's code as one short text, so that processes can tell whether they run the same.
"""

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

#: Directories of a package that its jobs do not run.
_ASIDE = {"__pycache__", "migrations", "tests"}

#: Most files that are read: more than an app has.
_MOST = 2000


def digest(modules: Iterable[str]) -> str:
    """
    Of the packages in which these modules are, as their files stand now; "" if none can be
    read. Equal on every host that has the same files, wherever they are.
    """
    found = {name: path for module in modules for name, path in _files(module)}
    result = hashlib.sha256()
    for name in sorted(found)[:_MOST]:
        try:
            text = found[name].read_bytes()
        except OSError:
            continue
        result.update(f"{name} {len(text)}\n".encode("utf-8", "surrogateescape") + text)
    return result.hexdigest()[:16] if found else ""


def _files(module: str) -> Iterator[tuple[str, Path]]:
    """Names that do not depend on where the package is, and paths."""
    package = module.rpartition(".")[0]
    for place in getattr(sys.modules.get(package), "__path__", ()):
        for directory, inner, names in os.walk(place):
            here = Path(directory)
            inner[:] = [n for n in inner if n not in _ASIDE and (here / n / "__init__.py").exists()]
            for name in names:
                if name.endswith(".py"):
                    yield f"{package}/{(here / name).relative_to(place).as_posix()}", here / name
    file = getattr(sys.modules.get(module), "__file__", None)
    if not package and file:
        yield module, Path(file)
