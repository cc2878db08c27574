"""What attackers have: the seed's scenes as something to attack, and tokens made by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.utils import timezone

from tests.contract.seed.conftest import harbor, shared_harbor, world

__all__ = ["harbor", "shared_harbor", "world"]

KEY = settings.SIMPLE_JWT["SIGNING_KEY"]


@pytest.fixture
def claims() -> Callable[..., dict[str, Any]]:
    """claims(user, typ="refresh"): what a good token of that user holds, changed; None takes a claim out."""

    def make(user: Any, **changes: Any) -> dict[str, Any]:
        now = timezone.now()
        good = {"typ": "access", "uid": str(user.pk), "jti": "a" * 32, "epoch": user.token_epoch}
        good |= {"iat": now, "exp": now + timedelta(hours=1)}
        return {name: value for name, value in (good | changes).items() if value is not None}

    return make


@pytest.fixture
def forged(claims: Callable[..., dict[str, Any]]) -> Callable[..., str]:
    """forged(user, key="x", typ="refresh"): a token signed by us unless told otherwise."""

    def make(user: Any, *, key: Any = KEY, algorithm: str = "HS256", headers: Any = None, **changes: Any) -> str:
        return jwt.encode(claims(user, **changes), key, algorithm=algorithm, headers=headers)

    return make
