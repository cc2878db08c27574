"""The base viewset: scoping in one place, validated bodies and queries, the list with its total."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from otestack.api.fields import Body
from otestack.errors import NotFound


class TenantViewSet(GenericViewSet[Any]):
    """Base of all viewsets. get_queryset() adds visible_to(user), so no view can forget the scope.

    Who may call is decided before any of this, by accounts.permissions.PolicyPermission over accounts/policy.py.
    Class attributes: order_fields (orderBy value to model field), default_order, order_prefix, default_page_size.
    """

    path = ""  # set by otestack.api.routes.route
    parameter_error_code = 422

    @property
    def caller(self) -> Any:
        """The logged-in user (accounts.models.User, which may not be imported here)."""
        return self.request.user

    @property
    def allowed_methods(self) -> list[str]:
        """The methods of this path, for the Allow header; OPTIONS is not offered."""
        return [method for method in super().allowed_methods if method != "OPTIONS"]

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Look for the caller, then at the path: no name in it holds NUL, which PostgreSQL would not compare."""
        super().initial(request, *args, **kwargs)
        if any("\0" in value for value in kwargs.values()):
            raise NotFound

    def options(self, request: Any, *_: Any, **__: Any) -> Response:
        """OPTIONS is not offered."""
        raise MethodNotAllowed(request.method or "OPTIONS")

    def get_queryset(self) -> QuerySet[Any]:
        """Return the view's rows that the caller may know of."""
        queryset = super().get_queryset()
        return queryset.visible_to(self.request.user)  # type: ignore[attr-defined]

    def body(self, serializer_class: type[Body]) -> dict[str, Any]:
        """Return the validated body. Raises ValidationError (422)."""
        serializer = serializer_class(data=self.request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def parameters(self, serializer_class: type[Body]) -> dict[str, Any]:
        """Return the validated query string. Raises ValidationError (422)."""
        serializer = serializer_class(data=self.request.query_params.dict(), context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def one(self, pk: str, queryset: QuerySet[Any] | None = None) -> Any:
        """Return the object of that id. Raises NotFound for another's, an unknown and a non-numeric one alike."""
        rows = self.get_queryset() if queryset is None else queryset
        found = rows.filter(pk=int(pk)).first() if pk.isascii() and pk.isdigit() and len(pk) < 19 else None
        if found is None:
            raise NotFound
        return found

    def listed(self, serializer_class: Any, queryset: QuerySet[Any] | None = None) -> Response:
        """Return the filtered, ordered page of the list."""
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset() if queryset is None else queryset))
        serializer = serializer_class(rows, many=True, context=self.get_serializer_context())
        return self.get_paginated_response(serializer.data)
