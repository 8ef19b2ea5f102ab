"""What happens when Django starts: jobs are found, settings are watched. Redis is not touched."""

import sys
import traceback
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.core.signals import setting_changed
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _

from . import conf, delivery
from .parcels import Parcel
from .registry import registry


class ResqueConfig(AppConfig):
    name = "django_resque"
    label = "django_resque"
    verbose_name = _("Resque")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401 -- importing registers them

        delivery.perform_inline = _perform_inline
        setting_changed.connect(_settings_changed, dispatch_uid="django_resque")
        _find_jobs()
        found = (f"{config.name}.jobs" for config in apps.get_app_configs())
        registry.modules = frozenset(name for name in found if name in sys.modules)


def _find_jobs() -> None:
    """
    Import the jobs.py of every app. One that cannot be imported is raised as it is; to
    the person at one of our commands it is told in one sentence.
    """
    try:
        autodiscover_modules("jobs", register_to=registry)
    except Exception as error:
        command = sys.argv[1] if len(sys.argv) > 1 else ""
        if not command.startswith("resque_") or "--traceback" in sys.argv:
            raise
        text = f"{type(error).__name__}: {getattr(error, 'msg', error)}".removesuffix(".")
        sys.stderr.write(
            f"CommandError: {_place(error)}: {text}. Jobs are imported when Django starts, so "
            "nothing can begin before that is mended. --traceback tells more.\n"
        )
        sys.exit(3 if command == "resque_status" else 1)


def _place(error: Exception) -> str:
    """File and line: in the project's jobs.py rather than in what that calls."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).parent != Path(__file__).parent
    ]
    theirs = [frame for frame in frames if Path(frame.filename).name == "jobs.py"]
    return f"{(theirs or frames)[-1].filename}, line {(theirs or frames)[-1].lineno}"


def _perform_inline(parcel: Parcel) -> None:
    """Loads the engine only now: a web process does without it."""
    from .execution import perform_inline

    perform_inline(parcel)


def _settings_changed(*, setting: str, **kwargs: Any) -> None:
    if setting in ("RESQUE", "CACHES"):
        conf.reset()
