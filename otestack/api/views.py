"""The base viewset: scoping in one place, validated bodies and queries, the list with its total."""

from collections.abc import Hashable, Iterable
from functools import lru_cache
from typing import Any, NoReturn

from django.db.models import QuerySet
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.viewsets import GenericViewSet

from otestack.api.lists import Columns, ListPage, Rows, page_of
from otestack.api.renderers import Response, json_rows
from otestack.api.rows import shape
from otestack.api.schema import Endpoint, One, Page
from otestack.errors import NotFound
from otestack.statements import Statement, Statements, holes

# Of objects that are looked for by their id.
_STATEMENTS: Statements[Statement] = Statements()


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

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Answer; then let go of what refers to itself, or only the collector of cycles would free a request."""
        try:
            return super().dispatch(request, *args, **kwargs)
        finally:
            self.request.parser_context.clear()
            self.__dict__.clear()

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Look for the caller, then at the path: no name in it holds NUL, which PostgreSQL would not compare."""
        super().initial(request, *args, **kwargs)
        if any("\0" in value for value in kwargs.values()):
            raise NotFound

    def options(self, request: Any, *_: Any, **__: Any) -> NoReturn:
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
        sent, shape = self.request.query_params, self.declared.query
        names, defaults = _unasked(shape)
        if defaults is None or names & sent.keys():
            return self._valid(shape, sent.dict())
        return dict(defaults)

    def _valid(self, shape: Any, data: Any) -> dict[str, Any]:
        serializer = shape(data=data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def one(self, pk: str, queryset: QuerySet[Any] | None = None) -> Any:
        """Return the object of that id. Raises NotFound for another's, an unknown and a non-numeric one alike."""
        rows = self.get_queryset() if queryset is None else queryset
        number = _number(pk)
        found = rows.filter(pk=number).first() if number is not None else None
        if found is None:
            raise NotFound
        return found

    def shown(self, pk: str, *, only: Iterable[str] = ()) -> Any:
        """Return of the object of that id what the declared shape takes, with names. Raises NotFound as `one` does.

        only: the fields asked for.
        """
        made = shape(self.declared.answer.shape, tuple(only))  # type: ignore[attr-defined]
        return made.row._make(self.values(pk, *made.columns))

    def answer(self, value: Any, **context: Any) -> Response:
        """Return the object in the declared shape. context: for the shape."""
        declared: Any = self.declared.answer
        data = declared.shape(value, context={**self.get_serializer_context(), **context}).data
        return Response({"data": data} if isinstance(declared, One) else data)

    def answer_shown(self, row: Any, *, only: Iterable[str] = (), **context: Any) -> Response:
        """Return what `shown` has found, in the declared shape. context: for the shape."""
        made = shape(self.declared.answer.shape, tuple(only))  # type: ignore[attr-defined]
        return Response({"data": made.shown(context)(row)})

    def page(
        self,
        rows: Rows | None = None,
        *values: Any,
        also: Columns | None = None,
        only: Iterable[str] = (),
        fixed: Hashable = None,
    ) -> ListPage:
        """Return the filtered, ordered page of a list.

        rows: returns all of the list for `values`, numbers or texts that go to the database as they are; by default
        get_queryset(). also: returns columns to annotate rows with. Their SQL is kept, so they may decide by nothing
        but the caller's scope, what is asked and `fixed`. only: the fields asked for.
        """
        return page_of(self, rows or self.get_queryset, values, also, only, fixed)

    def listed(self, rows: Rows | None = None, *values: Any, **options: Any) -> Response:
        """Return the page of a list in the declared shape. See `page` for the arguments."""
        answer = self.page(rows, *values, **options).answer()
        declared = self.declared.answer
        if isinstance(declared, Page) and declared.under != "data":
            answer[declared.under] = answer.pop("data")
        return Response(answer)

    def shaped(self, rows: Any) -> Any:
        """Return objects that are not from the database in the declared shape, as JSON."""
        declared: Any = self.declared.answer
        return json_rows(rows, declared.shape(context=self.get_serializer_context()).to_representation)

    def values(self, pk: str, *columns: str) -> Any:
        """Return these columns of the object of that id. Raises NotFound as `one` does."""
        number = _number(pk)
        key = (type(self), self.caller.scope, columns)
        (replaced,) = holes(0)

        def statement() -> Statement:
            return Statement(self.get_queryset().filter(pk=replaced).values_list(*columns), [replaced])

        rows = _STATEMENTS.get(key, statement).run(number) if number is not None else []
        if not rows:
            raise NotFound
        return rows[0]


@lru_cache(maxsize=100)
def _unasked(shape: Any) -> tuple[frozenset[str], dict[str, Any] | None]:
    """Return the parameters that a serializer knows, and what it makes of none of them; None: it needs some."""
    serializer = shape(data={})
    return frozenset(serializer.fields), dict(serializer.validated_data) if serializer.is_valid() else None


def _number(pk: str) -> int | None:
    return int(pk) if pk.isascii() and pk.isdigit() and len(pk) < 19 else None
