"""Base classes that every table shares. No table of its own."""

from django.db import models


class Timestamped(models.Model):
    """createTime and updateTime of the API."""

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
