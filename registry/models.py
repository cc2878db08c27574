"""Image registry records (seed: Repository Management)."""

from django.db import models

from business.models import Business
from otestack.crypto import EncryptedTextField
from otestack.models import Timestamped


class ExternalRepository(Timestamped):
    """Credentials for pulling images from a registry that is not ours."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="external_repositories")
    repository_id = models.CharField(max_length=255)
    address = models.CharField(max_length=255)
    user = models.CharField(max_length=255)
    password = EncryptedTextField()

    class Meta:
        verbose_name_plural = "external repositories"
        constraints = [models.UniqueConstraint(fields=["business", "repository_id"], name="repository_id_of_business")]

    def __str__(self) -> str:
        return self.repository_id
