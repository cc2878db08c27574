"""Filters of application lists."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from apps.models import AppVersion
from otestack.api.filters import WordFilter

_LOOKUPS = {"strict": "exact", "partial": "icontains", "prefix": "istartswith"}


class AppNameFilter(django_filters.FilterSet):  # type: ignore[misc]
    """appName with appNameMode, for every list that has an `app_name`. An empty name filters nothing."""

    appName = django_filters.CharFilter(
        method="by_app_name",
        strip=False,
        max_length=63,
        help_text="The application's name, compared as appNameMode says.",
    )
    appNameMode = WordFilter(
        *_LOOKUPS,
        method="unfiltered",
        default="partial",
        help_text="How appName is compared: strict is the whole name; the others have no regard to case.",
    )

    def by_app_name(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Filter by name the way that appNameMode says; partial by default."""
        mode = self.form.cleaned_data.get("appNameMode") or self.base_filters["appNameMode"].default
        return rows.filter(**{f"app_name__{_LOOKUPS[mode]}": value})

    def unfiltered(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Filter nothing: the mode belongs to appName."""
        return rows


class AppFilter(AppNameFilter):
    """Filters of GET /v1/app. version: a full version or a main line."""

    version = django_filters.CharFilter(
        method="by_version", strip=False, max_length=64, help_text="A full version, or a main line x.x for all of it."
    )

    class Meta:
        model = AppVersion
        fields: list[str] = []

    def by_version(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Filter by full version or main line."""
        return rows.filter(Q(version=value) | Q(line=value))
