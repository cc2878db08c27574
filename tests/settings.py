"""The product's settings for tests: a data folder of its own, quick passwords, DATABASE_URL and broker as given."""

import os
import tempfile

_folder = tempfile.mkdtemp(prefix="otestack-tests-")
os.environ.setdefault("OTE_DATA_DIR", _folder)
os.environ["OTE_DEBUG"] = "true"

from otestack.settings import *  # noqa: E402, F403

DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["*"]
