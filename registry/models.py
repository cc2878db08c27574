"""Image registry records (seed: Repository Management)."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q

from business.models import Business
from otestack.crypto import EncryptedTextField
from otestack.models import OwnedQuerySet, Timestamped, Trailed


class ExternalRepositoryQuerySet(OwnedQuerySet["ExternalRepository"]):
    """Reads of external repositories."""


class ExternalRepository(Timestamped):
    """Credentials for pulling images from a registry that is not ours."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="external_repositories")
    repository_id = models.CharField(max_length=255)
    address = models.CharField(max_length=255)
    user = models.CharField(max_length=255)
    password = EncryptedTextField()

    objects = ExternalRepositoryQuerySet.as_manager()
    trailed = Trailed(("repository_id", "address", "user"), "business_id")

    class Meta:
        verbose_name_plural = "external repositories"
        constraints = [models.UniqueConstraint(fields=["business", "repository_id"], name="repository_id_of_business")]

    def __str__(self) -> str:
        return self.repository_id


class RegistryAccountQuerySet(models.QuerySet["RegistryAccount"]):
    """Reads of accounts."""

    def ready(self) -> Self:
        """Those that exist in the registry for certain."""
        return self.filter(harbor_user_id__isnull=False)


class RegistryAccount(Timestamped):
    """A business's user in our own registry. The row is written before the user is made there, and completed after."""

    business = models.OneToOneField(Business, on_delete=models.PROTECT, related_name="registry_account")
    user = models.CharField(max_length=255)
    password = EncryptedTextField()
    # Null until the registry has said it.
    harbor_user_id = models.BigIntegerField(null=True, blank=True)
    # The user's address there, which nobody else has: by it we know our own after an answer that got lost.
    email = models.CharField(max_length=255, unique=True)
    # One change at a time: whose it is, and until when nobody else may begin one.
    change = models.UUIDField(null=True, blank=True)
    changing_until = models.DateTimeField(null=True, blank=True)

    objects = RegistryAccountQuerySet.as_manager()
    trailed = Trailed(("user", "harbor_user_id"), "business_id")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["harbor_user_id"], condition=Q(harbor_user_id__isnull=False), name="one_business_per_user"
            ),
        ]

    def __str__(self) -> str:
        return self.user
