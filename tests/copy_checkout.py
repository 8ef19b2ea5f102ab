"""
Copies the checkout without the package: `python copy_checkout.py FROM TO`.

tox runs the tests in the copy. Python puts the working directory before everything
installed, for pytest and for every process that a test starts, so in the checkout
itself they would import the checkout, and a wheel that lacks a file would pass.
"""

import shutil
import sys
from pathlib import Path

PACKAGE = "django_resque"

_NEVER = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.sqlite3")


def copy(source: Path, target: Path) -> None:
    for path in sorted(source.iterdir()):
        if path.is_file():
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        elif _is_wanted(path):
            shutil.copytree(path, target / path.name, ignore=_NEVER)


def _is_wanted(directory: Path) -> bool:
    """Not the package, what was built from it, virtual environments, or tools' caches."""
    name = directory.name
    if name in (PACKAGE, "build", "dist", "__pycache__") or name.endswith(".egg-info"):
        return False
    if name.startswith("."):
        return name == ".ci"
    return not (directory / "pyvenv.cfg").exists()


if __name__ == "__main__":
    copy(Path(sys.argv[1]), Path(sys.argv[2]))
