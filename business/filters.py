"""Filters of the business list."""

import django_filters

from business.models import Business


class BusinessFilter(django_filters.FilterSet):  # type: ignore[misc]
    """name: a part of it, without regard to case."""

    name = django_filters.CharFilter(
        lookup_expr="icontains",
        strip=False,
        max_length=255,
        help_text="A part of the business's name, without regard to case.",
    )

    class Meta:
        model = Business
        fields: list[str] = []
