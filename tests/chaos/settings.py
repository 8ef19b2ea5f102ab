"""Those of the other tests, and the jobs of this app."""

import os
import time

from tests.project.settings import *  # noqa: F403 -- this is how Django's settings inherit
from tests.project.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos"]

#: Seconds by which the clock of this process, its host's so to speak, is wrong.
if _wrong := float(os.environ.get("CHAOS_CLOCK", "0")):
    _time = time.time
    time.time = lambda: _time() + _wrong
