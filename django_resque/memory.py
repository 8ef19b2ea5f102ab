"""
How much memory a process has: what is resident of it, as `ps` tells.
"""

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path


def resident(pid: int) -> int:
    """In bytes; 0 for a process that is gone, and where there is no /proc to ask."""
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
        return pages * resource.getpagesize()
    return 0


def megabytes() -> float:
    """Of this process: now, or at its peak where only that is known."""
    if found := resident(os.getpid()):
        return found / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
