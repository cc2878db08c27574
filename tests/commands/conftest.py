"""Fixtures of commands' tests."""

from tests.deployments.conftest import _installation, body, decide, deploy, running, versions
from tests.trail.conftest import written

__all__ = ["_installation", "body", "decide", "deploy", "running", "versions", "written"]
