"""The admin and its theme as Django's apps. Screens come with the routes: a process that serves none has none."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.contrib.admin import autodiscover
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks


class ThemeConfig(AppConfig):
    """Stands in INSTALLED_APPS instead of the theme's own, whose module loads all of the theme."""

    name = "unfold"


class BackOfficeConfig(SimpleAdminConfig):
    """Stands in INSTALLED_APPS instead of django.contrib.admin."""

    default_site = "otestack.backoffice.site.BackOffice"

    def ready(self) -> None:
        """Have the screens checked as Django does, and loaded for it."""
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(check_screens, checks.Tags.admin)


def check_screens(**options: Any) -> list[checks.CheckMessage]:
    """Check every screen, whether the routes are loaded by now or not."""
    autodiscover()
    return check_admin_app(**options)
