"""What a process loads: those that serve no web do without what serves it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.run.product import ROOT, clean_env, once

pytestmark = once

# Parts of the web server, and libraries of which a few clusters or requests need one at times.
HEAVY = ("rest_framework.serializers", "drf_spectacular.openapi", "unfold.sites")
SCREENS = ("accounts.admin", "clusters.admin", "deployments.admin", "otestack.urls")
SELDOM = ("aiohttp", "django.test", "kubernetes.client", "prompt_toolkit")


@pytest.fixture
def loaded(tmp_path: Path):
    """loaded(lines): the modules that a process has after these lines of Python."""

    def run(lines: str) -> set[str]:
        env = clean_env(OTE_DATA_DIR=str(tmp_path), OTE_DEBUG="true", DJANGO_SETTINGS_MODULE="otestack.settings")
        code = f"{lines}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return set(json.loads(done.stdout.splitlines()[-1]))

    return run


def test_a_worker_loads_nothing_of_the_web(loaded) -> None:
    found = loaded("from otestack.worker import app\napp.loader.init_worker()\napp.finalize()")
    assert {"clusters.engine.drive", "deployments.settle"} <= found
    assert not found & {*HEAVY, *SCREENS, *SELDOM}


def test_the_web_server_has_all_before_the_first_request(loaded) -> None:
    assert {*HEAVY, *SCREENS} <= loaded("import otestack.wsgi")


def test_screens_are_checked_without_routes(loaded) -> None:
    """Django runs its checks in no order, so the one of the screens loads them itself."""
    lines = "import django\ndjango.setup()\nfrom django.core.checks import run_checks\nrun_checks(tags=['admin'])"
    found = loaded(lines)
    assert {"accounts.admin", "clusters.admin", "deployments.admin"} <= found
    assert "otestack.urls" not in found
