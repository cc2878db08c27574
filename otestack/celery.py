"""The Celery application. Its settings are the Django settings that start with CELERY_."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "otestack.settings")

app = Celery("otestack")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
