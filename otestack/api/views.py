"""The base viewset: scoping in one place, validated bodies and queries, the list with its total."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from otestack.api.renderers import json_rows
from otestack.api.schema import Endpoint, One, Page
from otestack.errors import NotFound


class TenantViewSet(GenericViewSet[Any]):
    """Base of all viewsets. get_queryset() adds visible_to(user), so no view can forget the scope.

    Who may call is decided before any of this, by accounts.permissions.PolicyPermission over accounts/policy.py.
    Each action is declared by otestack.api.schema.endpoint; what it takes and returns is said there and only there.
    Class attributes: order_fields (orderBy value to model field), default_order, order_prefix, default_page_size;
    for the document chapter (of the seed) and path_words (a sentence for each name in the path).
    """

    path = ""  # set by otestack.api.routes.route
    parameter_error_code = 422
    chapter = ""
    path_words: dict[str, str] = {}

    @property
    def declared(self) -> Endpoint:
        """What the action that runs now says of itself."""
        said: Endpoint = getattr(self, str(self.action)).endpoint
        return said

    @property
    def filterset_class(self) -> Any:
        """The filters of the action, for django-filter."""
        return self.declared.filters

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

    def body(self) -> dict[str, Any]:
        """Return the body, validated by the declared serializer. Raises ValidationError (422)."""
        return self._valid(self.declared.body, self.request.data)

    def parameters(self) -> dict[str, Any]:
        """Return the query string, validated by the declared serializer. Raises ValidationError (422)."""
        return self._valid(self.declared.query, self.request.query_params.dict())

    def _valid(self, shape: Any, data: Any) -> dict[str, Any]:
        serializer = shape(data=data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def one(self, pk: str, queryset: QuerySet[Any] | None = None) -> Any:
        """Return the object of that id. Raises NotFound for another's, an unknown and a non-numeric one alike."""
        rows = self.get_queryset() if queryset is None else queryset
        found = rows.filter(pk=int(pk)).first() if pk.isascii() and pk.isdigit() and len(pk) < 19 else None
        if found is None:
            raise NotFound
        return found

    def answer(self, value: Any, **context: Any) -> Response:
        """Return the object in the declared shape. context: for the shape."""
        declared: Any = self.declared.answer
        data = declared.shape(value, context={**self.get_serializer_context(), **context}).data
        return Response({"data": data} if isinstance(declared, One) else data)

    def listed(self, queryset: QuerySet[Any] | None = None, **context: Any) -> Response:
        """Return the filtered, ordered page of the list in the declared shape. context: for the shape."""
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset() if queryset is None else queryset))
        page = self.get_paginated_response(self.shaped(rows or [], **context))
        declared = self.declared.answer
        if isinstance(declared, Page) and declared.under != "data":
            page.data[declared.under] = page.data.pop("data")
        return page

    def shaped(self, rows: Any, **context: Any) -> Any:
        """Return rows in the declared shape, as JSON."""
        declared: Any = self.declared.answer
        shape = declared.shape(context={**self.get_serializer_context(), **context})
        return json_rows(rows, shape.to_representation)
