"""The project: settings, routes, the Celery application and the API's common ground."""

from otestack.celery import app as celery_app

__all__ = ["celery_app"]
