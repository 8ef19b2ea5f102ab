"""Those of the other tests, and the jobs of this app."""

from tests.project.settings import *  # noqa: F403 -- this is how Django's settings inherit
from tests.project.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos"]
