"""Base classes that every table shares. No table of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from django.db import models

if TYPE_CHECKING:
    from accounts.models import User

M = TypeVar("M", bound=models.Model)


class OwnedQuerySet(models.QuerySet[M]):
    """Rows that belong to businesses. Who sees which is decided here."""

    # The way from a row to its business's id.
    owner: ClassVar[str] = "business_id"

    def visible_to(self, user: User) -> Self:
        """System administrators see all, others their own business's."""
        if user.is_superuser:
            return self
        if user.business_id is None:  # filter(fk=None) would mean IS NULL
            return self.none()
        return self.filter(**{self.owner: user.business_id})


class Timestamped(models.Model):
    """createTime and updateTime of the API."""

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
