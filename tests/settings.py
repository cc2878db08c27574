"""The product's settings for tests: a data folder of its own, quick passwords, DATABASE_URL and broker as given."""

import os
import tempfile

from tests.services import REDIS_NUMBERS

_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if _worker or "OTE_DATA_DIR" not in os.environ:
    os.environ["OTE_DATA_DIR"] = tempfile.mkdtemp(prefix="otestack-tests-")
os.environ["OTE_DEBUG"] = "true"
if _worker and os.environ.get("CELERY_BROKER_URL", "").startswith("redis"):
    # What one process of a divided run flushes is not another's. Its products use the numbers above its own.
    _server = os.environ["CELERY_BROKER_URL"].rpartition("/")[0]
    os.environ["CELERY_BROKER_URL"] = f"{_server}/{int(_worker.removeprefix('gw')) * REDIS_NUMBERS}"

from otestack.settings import *  # noqa: E402, F403

DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [*INSTALLED_APPS, "tests.emptying"]  # noqa: F405
