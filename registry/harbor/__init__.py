"""Harbor, API v2.0, as far as we need it. Nothing here knows of tenants or of the database.

trouble  what can go wrong, told apart
wire     one pooled session per process; each call ends within its time, whatever the other side does
shapes   what answers are read into
client   the calls
names    which names Harbor takes, so that others are never asked for
"""

from registry.harbor.client import Harbor, Login, connect
from registry.harbor.shapes import Artifact, HarborUser, Page, Project, Repository

__all__ = ["Artifact", "Harbor", "HarborUser", "Login", "Page", "Project", "Repository", "connect"]
