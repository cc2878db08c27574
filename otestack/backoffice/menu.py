"""The menu: every screen in its group, what waits for audit at the top with its count."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

# Groups from top to bottom; a screen that names none of these is in the last one.
GROUPS = {
    "Fleet": _("Fleet"),
    "Tenants": _("Tenants"),
    "Applications": _("Applications"),
    "Registry": _("Registry"),
    "More": _("More"),
}
LAST = "More"


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups with their screens, for the theme."""
    from otestack.backoffice.records import RecordAdmin

    screens = [screen for screen in admin.site._registry.values() if screen.has_module_permission(request)]
    waiting = [
        _item(
            str(row["title"]).partition(" (")[0].partition("（")[0],
            row["icon"],
            row["url"],
            active=False,
            number=row["number"],
        )
        for screen in screens
        if isinstance(screen, RecordAdmin) and (row := screen.waiting_row(request)) is not None
    ]
    groups: dict[str, list[tuple[int, dict[str, Any]]]] = {name: [] for name in GROUPS}
    for screen in screens:
        meta = screen.model._meta
        group, icon, position = getattr(screen, "menu", ("More", "list", 0))
        url = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        title = str(meta.verbose_name_plural)
        item = _item(title[:1].upper() + title[1:], icon, url, active=request.path.startswith(url))
        groups[group if group in groups else LAST].append((position, item))
    overview = reverse("admin:index")
    return [
        {"items": [_item(gettext("Overview"), "space_dashboard", overview, active=request.path == overview)]},
        {"title": gettext("Waiting for audit"), "separator": True, "items": waiting},
        *(
            {
                "title": GROUPS[name],
                "separator": True,
                "items": [item for _, item in sorted(found, key=lambda one: one[0])],
            }
            for name, found in groups.items()
            if found
        ),
    ]


def _item(title: str, icon: str, url: str, *, active: bool, number: int = 0) -> dict[str, Any]:
    badge = {"badge": number, "badge_variant": "warning"} if number else {}
    return {"title": title, "icon": icon, "link": url, "active": active} | badge
