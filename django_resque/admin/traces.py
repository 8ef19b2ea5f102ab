"""A backtrace in parts: what is the project's own, and what is of libraries, to be folded."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

#: The first line of a frame as Python prints it.
_FRAME = re.compile(r'\s*File "([^"]*)", line \d+')

#: In paths of files that nobody wrote for the project.
_LIBRARY = re.compile(r"/(?:site|dist)-packages/|/lib(?:64)?/python\d|^<frozen |\\Lib\\")


@dataclass(frozen=True, slots=True)
class Part:
    """Some neighbouring lines."""

    text: str
    frames: int  #: Of libraries; 0 for what is to be seen at once.


def parts(backtrace: list[str]) -> list[Part]:
    """One part where there is nothing to fold: no frame of a library, or none of the project."""
    marked = list(_marked(backtrace))
    frames = {library for library, line in marked if _FRAME.match(line)}
    if frames != {True, False}:
        return [Part("\n".join(backtrace), 0)] if backtrace else []
    found = []
    for library, lines in groupby(marked, key=lambda each: each[0]):
        texts = [line for _, line in lines]
        count = sum(1 for line in texts if _FRAME.match(line)) if library else 0
        found.append(Part("\n".join(texts), count))
    return found


def _marked(backtrace: list[str]) -> Iterator[tuple[bool, str]]:
    """Each line, and whether it belongs to a frame of a library: those below it are indented."""
    library = False
    for line in backtrace:
        if frame := _FRAME.match(line):
            library = bool(_LIBRARY.search(frame[1]))
        elif not line.startswith("    "):
            library = False
        yield library, line
