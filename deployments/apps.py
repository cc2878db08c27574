"""Django's description of this app."""

from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    """Joins deployments to the apps below, which do not import this one."""

    name = "deployments"

    def ready(self) -> None:
        """Have our part run when a business or a version is deleted, or a registry account gets another password."""
        from apps import services as app_services
        from business import services as business_services
        from deployments import services
        from registry import services as registry_services

        if services.delete_for_business not in business_services.on_delete:
            business_services.on_delete.append(services.delete_for_business)
        if services.in_use not in app_services.in_use:
            app_services.in_use.append(services.in_use)
        if services.renew_pull_secrets not in registry_services.on_password:
            registry_services.on_password.append(services.renew_pull_secrets)
