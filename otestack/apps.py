"""Django's description of the project's common ground."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from otestack import postgres, sqlite


class OtestackConfig(AppConfig):
    """Prepares each database connection."""

    name = "otestack"

    def ready(self) -> None:
        """Listen for new connections."""
        connection_created.connect(sqlite.teach, dispatch_uid="otestack.sqlite")
        connection_created.connect(postgres.bound, dispatch_uid="otestack.postgres")
