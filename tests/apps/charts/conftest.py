"""Fixtures of chart tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.apps.charts.packing import require_helm, upload


@pytest.fixture(scope="session", autouse=True)
def helm() -> None:
    """Charts need helm."""
    require_helm()


@pytest.fixture
def refused(api: Any, member: Any) -> Callable[..., str]:
    """refused(packed): the sentence with which a chart is refused, and nothing is stored."""

    def send(packed: bytes, **changes: Any) -> str:
        answer = upload(api(member), packed, **changes)
        body = answer.json()
        assert (answer.status_code, body["code"], list(body.get("errors", {}))) == (422, 422, ["chart"]), body
        (sentence,) = body["errors"]["chart"]
        assert sentence.isprintable()
        assert len(sentence) <= 300
        assert api(member).get("/v1/app").json()["total"] == 0
        return sentence

    return send
