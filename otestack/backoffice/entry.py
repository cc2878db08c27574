"""The form at the back-office's door. Needs the models, so site.py imports it where it is used."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from otestack.errors import TooMany


class LoginForm(AuthenticationForm):
    """Says so when it was tried too often (accounts.backends.Backend)."""

    too_many: TooMany | None = None

    def clean(self) -> Any:
        """Look whether these are a user's name and password."""
        try:
            return super().clean()
        except TooMany as error:
            self.too_many = error
            raise ValidationError(error.told) from error
