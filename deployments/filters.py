"""Filters of deployment and audit lists."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet

from apps.filters import AppNameFilter
from deployments.models import Deployment, Operation
from otestack.api.filters import WordFilter


class DeploymentFilter(AppNameFilter):
    """Filters of GET /v1/deploy: appName with appNameMode, editable, running."""

    editable = WordFilter(
        "true",
        "false",
        "all",
        method="by_flag",
        default="all",
        help_text="Only those that can be changed now, or cannot.",
    )
    running = WordFilter(
        "true",
        "all",
        method="by_flag",
        default="all",
        help_text="Only those of which some version is meant to be live.",
    )

    class Meta:
        model = Deployment
        fields: list[str] = []

    def by_flag(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Filter by a flag of the row."""
        return rows if value == "all" else rows.filter(**{name: value == "true"})


class AuditFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Filters of GET /v1/admin/deploy."""

    businessName = django_filters.CharFilter(
        field_name="deployment__business__name",
        lookup_expr="icontains",
        strip=False,
        max_length=255,
        help_text="A part of the business's name, without regard to case.",
    )

    class Meta:
        model = Operation
        fields: list[str] = []
