"""The API's one permission class: it reads the table and knows no endpoint by name."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.policy import POLICY, Rule


class PolicyPermission(BasePermission):
    """Allows what accounts/policy.py allows. A method that the path does not have goes on to its 405."""

    def rule(self, method: str, view: Any) -> Rule | None:
        """Return the rule of a method of the view's path."""
        return POLICY.get(f"{'GET' if method == 'HEAD' else method} {view.path}")

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether the caller's role is in the rule; DRF makes 401 or 403 of a no."""
        rule = self.rule(str(request.method), view)
        if rule is None:
            return str(request.method).lower() not in view.action_map
        if not rule.roles:
            return True
        user = request.user
        if not user.is_authenticated:
            return False
        return user.role in rule.roles and (user.is_admin or not rule.admin_flag)
