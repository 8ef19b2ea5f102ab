"""What happens when Django starts: jobs are found, settings are watched. Redis is not touched."""

import sys
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
        autodiscover_modules("jobs", register_to=registry)
        found = (f"{config.name}.jobs" for config in apps.get_app_configs())
        registry.modules = frozenset(name for name in found if name in sys.modules)


def _perform_inline(parcel: Parcel) -> None:
    """Loads the engine only now: a web process does without it."""
    from .execution import perform_inline

    perform_inline(parcel)


def _settings_changed(*, setting: str, **kwargs: Any) -> None:
    if setting in ("RESQUE", "CACHES"):
        conf.reset()
