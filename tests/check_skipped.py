"""
Checks what tox left out: `python check_skipped.py RESULTS.json`.

tox skips an environment whose interpreter it does not find, so that people without
every Python can run the rest. Where the interpreter is there, not finding it is an
error, mostly of pyenv's set-up, that would let a broken release pass.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


def problems(results: Any, find: Callable[[str], str | None]) -> Iterator[str]:
    """A sentence for each. `find` answers the path of "python3.13", or None."""
    ended = {name: each["result"] for name, each in results["testenvs"].items() if "result" in each}
    if all(result["skipped"] for result in ended.values()):
        yield "tox ran no environment at all."
    for name, result in ended.items():
        version = re.match(r"py3(\d+)\b", name)
        if result["skipped"] and version and (path := find(f"python3.{version[1]}")):
            yield f"tox skipped {name} although {path} is there."


def interpreter(name: str) -> str | None:
    """Path of an interpreter that works: on the PATH, or installed by pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = [shutil.which(name), *sorted(map(str, pyenv.glob(f"versions/*/bin/{name}")))]
    return next((path for path in candidates if path and _works(path)), None)


def _works(path: str) -> bool:
    """False for a shim of pyenv's without a version behind it."""
    try:
        return subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def main(path: Path) -> int:
    found = list(problems(json.loads(path.read_text("utf-8")), interpreter))
    print(*found or ["tox skipped nothing that could have run."], sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
