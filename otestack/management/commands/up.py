"""`manage.py up`: what `make run` starts, for those who have an environment already."""

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand

from otestack.supervisor.preflight import ROOT


class Command(BaseCommand):
    """Becomes the supervisor."""

    help = "Run everything on this machine, as 'make run': web, workers, beat, simulated edge (not with OTE_EDGE=none)."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Replace this process: the supervisor holds no database connection and no Django."""
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "otestack.supervisor"])
