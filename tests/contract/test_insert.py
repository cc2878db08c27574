"""Inserting what must be unique, while what stands in its way goes."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError

from otestack.errors import Conflict
from otestack.transactions import insert
from registry.models import ExternalRepository


class Going:
    """Another's row that is gone by the time that it is looked for."""

    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def exists(self) -> bool:
        self.rows.delete()
        return False


def repository(acme: Any) -> ExternalRepository:
    return ExternalRepository(business=acme, repository_id="r1", address="r.example.com", user="u", password="p")


def test_a_name_that_is_taken_is_refused(acme: Any) -> None:
    repository(acme).save()
    with pytest.raises(Conflict, match="taken"):
        insert(repository(acme), taken=ExternalRepository.objects.filter(business=acme), refusal=Conflict("taken"))
    assert ExternalRepository.objects.count() == 1


def test_a_name_that_is_free_again_is_given(acme: Any) -> None:
    repository(acme).save()
    row = repository(acme)
    insert(row, taken=Going(ExternalRepository.objects.all()), refusal=Conflict("taken"))  # type: ignore[arg-type]
    assert list(ExternalRepository.objects.values_list("pk", flat=True)) == [row.pk]


def test_another_fault_is_not_a_name_that_is_taken(acme: Any) -> None:
    repository(acme).save()
    with pytest.raises(IntegrityError):
        insert(repository(acme), taken=ExternalRepository.objects.none(), refusal=Conflict("taken"))
