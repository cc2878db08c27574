"""The request's id stands on each of its log lines, and nothing of the line is the client's to shape."""

from __future__ import annotations

import io
import logging
from typing import Any

import pytest
from django.conf import settings

from otestack.logs import OneLine


@pytest.fixture
def lines() -> Any:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLine(settings.LOGGING["formatters"]["line"]["format"]))
    logging.getLogger().addHandler(handler)
    yield lambda: stream.getvalue().splitlines()
    logging.getLogger().removeHandler(handler)


def test_the_id_is_on_the_line(api: Any, lines: Any) -> None:
    answer = api().client.get("/v1/nothing", headers={"X-Request-ID": "here-1"})
    assert answer.status_code == 404
    assert [line for line in lines() if "/v1/nothing" in line and "[here-1]" in line]


def test_outside_of_a_request_there_is_none(lines: Any) -> None:
    logging.getLogger("otestack").warning("nobody asked")
    assert lines()[-1].endswith("WARNING otestack [-] nobody asked")
