"""Login to the back-office: living users only, names without regard to case."""

from typing import Any

from django.contrib.auth.backends import ModelBackend

from accounts.models import User


class Backend(ModelBackend):
    """Django's backend over living users."""

    def get_user(self, user_id: Any) -> User | None:
        """Return the session's user while it may log in."""
        user = User.objects.living().select_related("business").filter(pk=user_id).first()
        return user if user is not None and user.is_active else None

    def user_can_authenticate(self, user: Any) -> bool:
        """Forbidden and deleted users cannot."""
        return bool(user.is_active)
