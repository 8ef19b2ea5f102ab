"""`manage.py resque_check`: a doctor for settings, Redis, jobs and workers."""

import sys
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser

from django_resque import conf, doctor
from django_resque.findings import Finding
from django_resque.management.commands._output import as_json, print_safely, shown
from django_resque.management.commands._usage import ResqueCommand

CODES = {"ok": 0, "unknown": 0, "warning": 1, "critical": 2}


class Command(ResqueCommand):
    help = (
        "Examine the settings, Redis, the registered jobs and the workers, and say what to do. "
        "Writes nothing. Exit code 0: fine; 1: a warning; 2: critical, such as Redis away or "
        "workers silent. A mistake in the flags is exit code 3."
    )
    refused = 3
    requires_system_checks = []  # Their findings are shown with the others.

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--json", action="store_true", help="Print for programs: one line of JSON."
        )
        parser.add_argument(
            "--quiet", action="store_true", help="Print warnings and what is critical only."
        )

    def handle(self, **given: Any) -> None:
        try:
            findings = doctor.settings()
            if not any(finding.level == "critical" for finding in findings):
                findings += doctor.examine(conf.store())
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted before Redis had answered.", returncode=2) from None
        worst = max((finding.level for finding in findings), key=CODES.__getitem__)
        if given["quiet"]:
            findings = [finding for finding in findings if CODES[finding.level]]
        if given["json"]:
            rows = [{"level": each.level, "text": each.text} for each in findings]
            print_safely(self.stdout, as_json({"level": worst, "findings": rows}))
        else:
            print_safely(self.stdout, "".join(map(self.line, findings)))
        if CODES[worst]:
            sys.exit(CODES[worst])

    def line(self, finding: Finding) -> str:
        style = {
            "ok": self.style.SUCCESS,
            "warning": self.style.WARNING,
            "critical": self.style.ERROR,
        }.get(finding.level, str)
        return f"{style(finding.level.ljust(8))}  {shown(finding.text)}\n"
