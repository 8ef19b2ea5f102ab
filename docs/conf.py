"""How Sphinx builds these pages: `tox run -e docs`."""

import shutil
import sys
from pathlib import Path

import django
from django.conf import settings

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

# Autodoc imports the package, and Django wants settings before it can be.
settings.configure(
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django_resque",
    ],
    USE_TZ=True,
)
django.setup()

import generated
from docutils.parsers.rst import Directive

import django_resque

project = "django-resque"
author = "The django-resque developers"
project_copyright = author
release = version = django_resque.__version__

extensions = ["sphinx.ext.autodoc"]
html_theme = "furo"
html_title = f"django-resque {release}"
exclude_patterns = ["_build"]

# What stands in single backticks, in docstrings above all, is code.
default_role = "code"
smartquotes = False  # They would make one dash of the two before a flag.
nitpicky = True

# The docstrings say in words what the types would: units, edges, what is raised.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}


class Generated(Directive):
    """`.. generated:: settings` puts in what `generated.settings()` answers."""

    required_arguments = 1
    optional_arguments = 1

    def run(self):
        lines = getattr(generated, self.arguments[0])(*self.arguments[1:])
        self.state_machine.insert_input(lines, f"generated.{self.arguments[0]}")
        return []


def copy_linked_files(app, exception):
    """The files that deployment.rst links stand beside it, on GitHub as in what is built."""
    if exception is None and app.builder.format == "html":
        shutil.copytree(HERE / "deployment", Path(app.outdir, "deployment"), dirs_exist_ok=True)


def setup(app):
    app.add_directive("generated", Generated)
    app.connect("build-finished", copy_linked_files)
