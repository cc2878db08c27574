"""Login to the back-office: living users only, names without regard to case, throttled as the API's login is."""

import contextlib
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.models import User
from accounts.throttles import login_failures
from otestack.caller import client_address
from otestack.errors import TooMany


class Backend(ModelBackend):
    """Django's backend over living users."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """Return the user of that name and password. Raises TooMany under the throttle."""
        if request is None or not username:
            return None
        throttle = login_failures(username, client_address(request))
        throttle.check()
        user = super().authenticate(request, username, password, **kwargs)
        throttle.check()
        if user is None:
            with contextlib.suppress(TooMany):
                throttle.take()
        return user

    def get_user(self, user_id: Any) -> User | None:
        """Return the session's user while it may log in."""
        user = User.objects.living().select_related("business").filter(pk=user_id).first()
        return user if user is not None and user.is_active else None

    def user_can_authenticate(self, user: Any) -> bool:
        """Forbidden and deleted users cannot."""
        return bool(user.is_active)
