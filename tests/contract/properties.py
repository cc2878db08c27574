"""What the property tests share: text to send, and what must become of it. Examples are the same in every run."""

from __future__ import annotations

import string
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

bounded = settings(
    max_examples=40, derandomize=True, database=None, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
LETTERS_DIGITS = string.ascii_letters + string.digits
# Text of every kind; among it what is nearly a name.
ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=70)
NEAR_NAME = st.text(st.sampled_from(LETTERS_DIGITS + "._-" * 8 + " /:\n\u00e9\u0661"), max_size=70)
TEXT = st.one_of(NEAR_NAME, NEAR_NAME.map(str.lower), ANY_TEXT)


@contextmanager
def undone() -> Iterator[None]:
    """Leave nothing for the next example."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def decided(answer: Any, accepted: bool, field: str) -> bool:
    """Return `accepted`, once the answer is that: success, or a parameter error of that field and no other."""
    body = answer.json()
    if accepted:
        assert (answer.status_code, body) == (200, {"code": 200, "message": "success"}), body
    else:
        assert (answer.status_code, body["code"]) == (422, 422), body
        assert {name.partition(".")[0] for name in body["errors"]} == {field}
        assert body["message"].startswith(f"{field}")
    return accepted


def storable(text: str, longest: int) -> bool:
    return 1 <= len(text) <= longest and "\0" not in text
