"""Django's description of this app."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Joins the registry to the apps below, which do not import this one."""

    name = "registry"

    def ready(self) -> None:
        """Have our part run when a business is deleted."""
        from business import services as business_services
        from registry import services

        if services.close_account not in business_services.on_delete:
            business_services.on_delete.append(services.close_account)
