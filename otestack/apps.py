"""Django's description of the project's common ground."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate, pre_migrate

from otestack import postgres, sqlite
from otestack.backoffice import field_names


class OtestackConfig(AppConfig):
    """Prepares each database connection, and the names of columns."""

    name = "otestack"

    def ready(self) -> None:
        """Listen for new connections; translate names. All models are there by now."""
        connection_created.connect(sqlite.teach, dispatch_uid="otestack.sqlite")
        connection_created.connect(postgres.bound, dispatch_uid="otestack.postgres")
        pre_migrate.connect(postgres.unbound, dispatch_uid="otestack.postgres")
        post_migrate.connect(postgres.bound_again, dispatch_uid="otestack.postgres")
        field_names.translate()
