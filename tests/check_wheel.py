"""
Checks what is in the wheel: `python check_wheel.py DIRECTORY`, of the checkout around it.

The wheel must hold every file of the package and nothing else. setuptools leaves out,
silently, what package_data does not name, and takes along what an old build/ holds.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parent.parent

PACKAGE = "django_resque"

#: Ends of names of which a release has at least one: were they gone from the checkout too.
NEEDED = (
    "/py.typed",
    ".lua",
    ".html",
    ".css",
    "/migrations/0001_initial.py",
    "/licenses/LICENSE",
    "/METADATA",
)


def problems(names: set[str], package: set[str]) -> Iterator[str]:
    """A sentence for each; none if a wheel of these names is right for this package."""
    inside = {name for name in names if name.startswith(f"{PACKAGE}/")}
    for name in sorted(package - inside):
        yield f"{name} is in the checkout but not in the wheel: see package_data in setup.cfg."
    for name in sorted(inside - package):
        yield f"{name} is in the wheel but not in the checkout: remove build/ and build again."
    for name in sorted(names - inside):
        if not name.split("/")[0].endswith(".dist-info"):
            yield f"{name} is in the wheel but is no part of the package."
    for end in NEEDED:
        if not any(name.endswith(end) for name in names):
            yield f"No file of the wheel is named *{end}."


def package_files(root: Path) -> set[str]:
    """Of the checkout, without what Python and tools keep beside the sources."""
    paths = [path.relative_to(root) for path in (root / PACKAGE).rglob("*") if path.is_file()]
    return {path.as_posix() for path in paths if not any(map(_is_cache, path.parts))}


def _is_cache(name: str) -> bool:
    return name == "__pycache__" or name.startswith(".")


def main(directory: Path) -> int:
    wheels = list(directory.glob("*.whl"))
    if len(wheels) != 1:
        print(f"{directory} must hold one wheel, not {len(wheels)}.")
        return 1
    with ZipFile(wheels[0]) as wheel:
        names = {name for name in wheel.namelist() if not name.endswith("/")}
    found = list(problems(names, package_files(ROOT)))
    print(*found or [f"{wheels[0].name} has all {len(names)} files."], sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
