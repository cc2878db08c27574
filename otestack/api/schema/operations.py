"""One operation of the document, out of what its view declares and of what follows from path, policy and paging."""

from __future__ import annotations

import inspect
import re
from typing import Any

import uritemplate
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from rest_framework.fields import empty
from rest_framework.serializers import ListField

from otestack.api.fields import Projected, Rule
from otestack.api.pagination import sizes
from otestack.api.schema import parameters, shapes, words
from otestack.api.schema.declare import Endpoint, Keys, Names, One, Page, Refusal, Stream
from otestack.api.schema.generator import spelled
from otestack.api.schema.words import Shape

__all__ = ["Operation", "shapes"]  # shapes: drf-spectacular knows it once it is imported

_SUFFIX = re.compile(r"(?:Request|Row|Answer)$")


class Operation(AutoSchema):
    """DRF's DEFAULT_SCHEMA_CLASS."""

    view: Any  # a TenantViewSet

    @property
    def declared(self) -> Endpoint:
        """What the view's action says of itself."""
        said: Endpoint = self.view.declared
        return said

    @property
    def rule(self) -> Any:
        """Who may call it."""
        return self.view.get_permissions()[0].rule(self.method, self.view)

    def get_operation_id(self) -> str:
        """Return the summary in snake case; of another spelling with what is other."""
        name = self.declared.summary.lower().replace(" ", "_")
        if self._first_method() != self.method:
            return f"{name}_by_{self.method.lower()}"
        return name if self.path == spelled(self.view.path) else f"{name}_at_{self.path.rpartition('/')[2]}"

    def _first_method(self) -> str:
        """Return the first method of the path that has the same action."""
        actions = self.view.action_map.items()
        return next(method.upper() for method, action in actions if action == self.view.action)

    def get_summary(self) -> str:
        """Return the declared one."""
        return self.declared.summary

    def get_description(self) -> str:  # type: ignore[override]
        """Return the action's docstring, of what it is another spelling, and who may call."""
        paragraphs = (inspect.getdoc(getattr(self.view, self.view.action)) or "").split("\n\n")
        first = f"{self._first_method()} {spelled(self.view.path)}"
        if first != f"{self.method} {self.path}":
            paragraphs.insert(0, f"Another spelling of `{first}`.")
        rule = self.rule
        return "\n\n".join([*(" ".join(text.split()) for text in paragraphs), words.who(rule.roles, rule.admin_flag)])

    def get_tags(self) -> list[str]:
        """Return the seed's chapter."""
        return [self.view.chapter]

    def get_auth(self) -> list[Shape]:
        """Return both ways to send a token, or that none is needed."""
        return [{"bearer": []}, {"token": []}] if self.rule.roles else []

    def _get_parameters(self) -> list[Shape]:
        declared, view = self.declared, self.view
        found = [parameters.in_path(name, view.path_words[name]) for name in uritemplate.variables(self.path)]
        queries: dict[str, Shape] = {}
        if declared.query:
            queries |= parameters.of_query(self._map_serializer(declared.query, "request"))
        if declared.filters:
            queries |= parameters.of_filters(declared.filters)
        if isinstance(declared.answer, Page):
            queries = parameters.of_order(view) | parameters.of_paging(sizes(view)) | queries
        if self.method == "GET":
            for name, value in (declared.sent or {}).items():
                queries[name]["example"] = value
        if isinstance(declared.answer, Stream):
            found.append(parameters.last_event_id())
        return found + list(queries.values())

    def _get_request_body(self, direction: str = "request") -> Shape | None:
        declared = self.declared
        if declared.body is None:
            return None
        media: Shape = {"schema": self.resolve_serializer(declared.body, "request").ref}
        if declared.sent is not None:
            media["example"] = dict(declared.sent)
        return {"content": dict.fromkeys(self.map_parsers(), media), "required": True}

    def _get_response_bodies(self, direction: str = "response") -> Shape:
        declared = self.declared
        if isinstance(declared.answer, Stream):
            bodies = {str(declared.status): self._stream(declared.answer)}
        else:
            example = {"code": 200, "message": "success"} | dict(declared.answered or {})
            sentence = words.SUCCESSES[type(declared.answer)]
            bodies = {str(declared.status): _response(sentence, self._success(), example)}
        return bodies | {str(code): self._refusal(code, said) for code, said in sorted(self._refusals().items())}

    def _stream(self, answer: Stream) -> Shape:
        """Return the response that is a stream; as tools understand it, the shape is that of each event."""
        data = self.resolve_serializer(answer.shape, "response")
        event = {
            "id": {"type": "string", "description": "The event's id; some have none."},
            "event": {"type": "string", "enum": words.EVENTS, "description": words.EVENTS_SAID},
            "data": {
                "type": "string",
                "description": f"JSON text: a {data.name}, or of an `end` an object whose `reason` says why.",
                "contentMediaType": "application/json",
                "contentSchema": data.ref,
            },
        }
        ref = self._component(f"{data.name}InStream", words.thing(event, ["event", "data"], "An event of a stream."))
        media: Shape = {"schema": ref, "example": dict(self.declared.answered or {})}
        return {"description": words.SUCCESSES[Stream], "content": {"text/event-stream": media}}

    def _refusal(self, code: int, said: str | Refusal) -> Shape:
        """Return an error's response: a reference to what many share, where the sentence is the usual one."""
        name, usual = words.ERRORS[code]
        headers = words.HEADERS.get(code)
        if isinstance(said, Refusal):
            data = self.resolve_serializer(said.data, "response")
            ref = self._component(f"{name}With{data.name}", words.error(code, data.ref))
            return _response(said.sentence, ref, None, headers)
        ref = self._component(name, words.error(code))
        if said != usual:
            return _response(said, ref, None, headers)
        return self._component(name, _response(usual, ref, None, headers), ResolvedComponent.RESPONSE)

    def _refusals(self) -> dict[int, str | Refusal]:
        """Return the codes of refusals with a sentence each."""
        declared = self.declared
        codes: set[int] = {500, 503}
        if self.rule.roles:
            codes |= {401} if self.rule.roles == words.ROLES.keys() else {401, 403}
        if "{" in self.path:
            codes.add(404)
        if declared.body:
            codes.add(415)
        if declared.body or declared.query or declared.filters or isinstance(declared.answer, Page):
            codes.add(self.view.parameter_error_code)
        return {code: words.ERRORS[code][1] for code in codes} | dict(declared.refuses)

    def _success(self) -> Shape:
        """Return a reference to the shape of the success."""
        match self.declared.answer:
            case One(shape):
                inner = self.resolve_serializer(shape, "response")
                return self._component(f"{inner.name}Answer", words.success({"data": inner.ref}))
            case Page(shape, under, meta):
                inner = self.resolve_serializer(shape, "response")
                total = {"type": "integer", "minimum": 0, "description": "How many there are on all pages."}
                keys = {under: {"type": "array", "items": inner.ref}, "total": total}
                if meta is not None:
                    keys["meta"] = self.resolve_serializer(meta, "response").ref
                return self._component(f"{inner.name}List", words.success(keys))
            case Names(what):
                listed = {"type": "array", "items": {"type": "string"}, "description": what}
                return self._component("NameList", words.success({"data": listed}))
            case Keys(shape):
                inner = self._map_serializer(shape, "response")
                name = self._get_serializer_name(shape(), "response")
                return self._component(f"{name}Answer", words.success(inner["properties"], inner.get("required", [])))
        return self._component("Success", words.success())

    def _component(self, name: str, shape: Shape, kind: str = ResolvedComponent.SCHEMA) -> Shape:
        made = ResolvedComponent(name=name, type=kind, schema=shape, object=name)
        self.registry.register_on_missing(made)
        ref: Shape = made.ref
        return ref

    def get_serializer_name(self, serializer: Any, direction: str) -> str:
        """Return the class's name without what only tells our classes apart."""
        return _SUFFIX.sub("", type(serializer).__name__)

    def shape_of(self, field: Any, direction: str) -> Shape:
        """Return the shape of any field."""
        shape: Shape = self._map_serializer_field(field, direction)
        self._insert_field_validators(field, shape)
        return shape

    def _map_basic_serializer(self, serializer: Any, direction: str) -> Shape:
        """Say which fields an answer always has, and that null counts as absent in a request."""
        shape: Shape = super()._map_basic_serializer(serializer, direction)
        instance = serializer() if isinstance(serializer, type) else serializer
        for name, property in shape["properties"].items():
            field = instance.fields[name]
            property.pop("readOnly", None)
            if direction == "response":
                property.pop("default", None)
            elif not field.required:
                shape["properties"][name] = _or_null(property)
        if direction == "response":
            shape.pop("required", None)
            if required := [name for name, field in instance.fields.items() if _always(field)]:
                shape |= {} if isinstance(instance, Projected) else {"required": required}
        return shape

    def _insert_field_validators(self, field: Any, schema: Shape) -> None:
        """Add what our own validators and lists say."""
        super()._insert_field_validators(field, schema)
        if "oneOf" in schema:  # drf-spectacular's way to say that it may be empty too
            schema |= schema.pop("oneOf")[0]
        for validator in field.validators:
            if isinstance(validator, Rule):
                schema |= validator.shape
        if "pattern" in schema and not schema["pattern"].startswith("^"):
            schema["pattern"] = f"^(?:{schema['pattern']}){'?' if getattr(field, 'allow_blank', False) else ''}$"
        if isinstance(field, ListField) and not field.allow_empty:
            schema["minItems"] = max(1, schema.get("minItems", 0))


def _response(sentence: str, ref: Shape, example: Shape | None = None, headers: Shape | None = None) -> Shape:
    media = {"schema": ref} | ({"example": example} if example else {})
    body: Shape = {"description": sentence, "content": {"application/json": media}}
    return body | ({"headers": headers} if headers else {})


def _always(field: Any) -> bool:
    """Return whether an answer always has the field."""
    return bool(field.read_only or field.required or field.default is not empty)


def _or_null(shape: Shape) -> Shape:
    """Return the shape, or null."""
    if "type" not in shape:
        return {"anyOf": [shape, {"type": "null"}]}
    return shape | {"type": [shape["type"], "null"]} | ({"enum": [*shape["enum"], None]} if "enum" in shape else {})
