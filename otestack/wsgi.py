"""WSGI entry point for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

from otestack.bodies import WithBodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "otestack.settings")

application = WithBodies(get_wsgi_application())
