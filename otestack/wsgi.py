"""WSGI entry point for gunicorn."""

import gc
import os
from importlib import import_module

from django.core.wsgi import get_wsgi_application

from otestack.bodies import WithBodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "otestack.settings")

application = WithBodies(get_wsgi_application())
# The views before the first request, then spare the collector of cycles what stays.
import_module("otestack.urls")
gc.freeze()
