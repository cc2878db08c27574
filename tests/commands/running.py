"""Commands as an operator types them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command


def run(*words: str, errors: io.StringIO | None = None) -> str:
    """Return what it prints."""
    out = io.StringIO()
    call_command(*words, stdout=out, stderr=errors or io.StringIO())
    return out.getvalue()


def data(*words: str) -> Any:
    """Return what it prints with --json."""
    return json.loads(run(*words, "--json"))


def failure(*words: str, code: int = 1) -> str:
    """Return the one sentence that it fails with."""
    with pytest.raises(CommandError) as caught:
        run(*words)
    assert caught.value.returncode == code
    assert "\n" not in str(caught.value)
    return str(caught.value)
