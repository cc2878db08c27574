"""WSGI entry point for gunicorn."""

import gc
import os
from importlib import import_module

from django.core.wsgi import get_wsgi_application

from otestack.bodies import WithBodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "otestack.settings")

application = WithBodies(get_wsgi_application())
# The views and what else the first request would load, then spare the collector of cycles what stays.
for name in ("otestack.urls", "rest_framework_simplejwt.state", "django.db.models.sql.compiler"):
    import_module(name)
gc.freeze()
