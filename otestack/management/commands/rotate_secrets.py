"""`manage.py rotate_secrets`: encrypt every stored secret under the first key, so that older keys can go."""

from typing import Any

from django.apps import apps
from django.core.management.base import CommandError, CommandParser
from django.db import models, transaction

from otestack import trail
from otestack.crypto import EncryptedTextField, Undecryptable
from otestack.management.base import OperatorCommand, add_json

# Rows of one transaction: short enough that other writers do not wait long on SQLite.
BATCH = 100


class Command(OperatorCommand):
    """Rewrites all encrypted columns; safe to repeat and to interrupt."""

    help = (
        "Encrypt all stored secrets under the first key of OTE_ENCRYPTION_KEYS; the others can be dropped afterwards."
    )

    examples = ("rotate_secrets",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError, naming the row, when one opens with none of the keys."""
        columns = [
            (model, field.attname)
            for model in apps.get_models()
            for field in model._meta.local_concrete_fields
            if isinstance(field, EncryptedTextField)
        ]
        done: dict[str, int] = {}
        with self.progress("Encrypting", sum(model._base_manager.count() for model, _ in columns)) as self.shown:
            for model, name in columns:
                done[f"{model._meta.label}.{name}"] = self.rotate(model, name)
        trail.write([trail.of("secrets", "", "stored secrets", "rotate", after=done)])
        self.show(done, "\n".join(f"{column}: {count} re-encrypted" for column, count in done.items()))

    def rotate(self, model: type[models.Model], name: str) -> int:
        """Re-encrypt one column in batches and return how many rows had a value."""
        rows, last, count = model._base_manager, None, 0
        while True:
            with transaction.atomic():
                # Locked, so that what is written back is what is stored, not what was stored a moment ago.
                batch = rows.select_for_update().order_by("pk").filter(**({"pk__gt": last} if last else {}))
                keys = list(batch.values_list("pk", flat=True)[:BATCH])
                for key in keys:
                    count += self.rotate_row(rows, key, name)
            if not keys:
                return count
            last = keys[-1]
            self.shown.more(len(keys))

    def rotate_row(self, rows: models.Manager[Any], key: Any, name: str) -> int:
        """Re-encrypt one value; an empty one stays."""
        try:
            value = rows.values_list(name, flat=True).get(pk=key)
        except Undecryptable as error:
            raise CommandError(
                f"{rows.model._meta.label} {key}: {error} What came before it is done; nothing was lost."
            ) from error
        if not value:
            return 0
        return rows.filter(pk=key).update(**{name: value})
