"""WSGI entry point for gunicorn."""

import gc
import os
from importlib import import_module

from django.core.wsgi import get_wsgi_application

from clusters.engine.nudge import get_ready
from otestack.bodies import WithBodies
from otestack.celery import app

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "otestack.settings")

application = WithBodies(get_wsgi_application())
# What the first requests would load, before them.
for name in (
    "otestack.urls",
    "rest_framework_simplejwt.state",
    "django.db.models.sql.compiler",
    # To send messages to the workers:
    "celery.app.events",
    "celery.events.dispatcher",
    "celery.events.receiver",
):
    import_module(name)
app.finalize()
app.connection_for_write().get_transport_cls()
get_ready()
# Spare the collector of cycles what stays.
gc.freeze()
