"""Fixtures of the back-office: a browser, and what there is to look at."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from otestack.backoffice.history import shown
from tests.conftest import PASSWORD
from tests.deployments.conftest import (  # noqa: F401
    _installation,
    beijing,
    body,
    decide,
    deploy,
    harbin,
    versions,
)
from tests.trail.watching import check, watched

# What the back-office itself keeps: sessions and the history of each record.
_OWN_TABLES = {"django_session", "django_admin_log"}


class Office:
    """A person at the back-office, without scripts: reads pages, presses buttons."""

    def __init__(self) -> None:
        self.client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        self.page = ""

    def login(self, username: str, password: str = PASSWORD) -> bool:
        self.get("/admin/login/?next=/admin/")
        self.post("/admin/login/?next=/admin/", username=username, password=password)
        return "_auth_user_id" in self.client.session

    def get(self, path: str, code: int = 200) -> str:
        answer = self.client.get(path, follow=True)
        assert answer.status_code == code, answer.content[:2000]
        self.page = answer.content.decode()
        return self.page

    def post(self, path: str, **fields: Any) -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.page)
        token = {"csrfmiddlewaretoken": found[1]} if found else {}
        with watched() as written:
            answer = self.client.post(path, fields | token, follow=True)
        assert answer.status_code == 200, answer.content[:2000]
        if not path.startswith("/admin/login/"):
            check(written - _OWN_TABLES, f"POST {path}")
        self.page = answer.content.decode()
        return self.page

    def messages(self, level: str = "") -> list[str]:
        """The messages on the page; level: success, error."""
        return re.findall(rf'<li class="{level or "[a-z]+"}"[^>]*>([^<]*)</li>', self.page)

    def choose(self, model: str, action: str, *records: Any, query: str = "") -> str:
        """Select records in a list and start an action."""
        url = reverse(f"admin:{model}_changelist") + query
        self.get(url)
        return self.post(url, action=action, index=0, _selected_action=[record.pk for record in records])

    def confirm(self, **answers: Any) -> str:
        """Answer the page that asks."""
        action = re.search(r'<form method="post" action="([^"]+)"', self.page)
        assert action, "no page that asks"
        ids = re.findall(r'name="_selected_action" value="(\d+)"', self.page)
        back = re.search(r'name="next" value="([^"]+)"', self.page)
        assert back
        return self.post(action[1], _selected_action=ids, next=back[1].replace("&amp;", "&"), **answers)


@pytest.fixture
def office(system: Any) -> Office:
    """The system administrator, logged in."""
    person = Office()
    assert person.login(system.username)
    return person


@pytest.fixture
def noted() -> Callable[[Any], list[str]]:
    """noted(record): what the back-office's history says about it, oldest first."""

    def read(record: Any) -> list[str]:
        entries = LogEntry.objects.filter(object_id=str(record.pk), content_type__model=record._meta.model_name)
        return [shown(message) for message in entries.order_by("pk").values_list("change_message", flat=True)]

    return read
