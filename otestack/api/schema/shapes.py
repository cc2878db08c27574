"""Our fields in the words of JSON Schema. drf-spectacular finds the classes of this module by itself."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension

Shape = dict[str, Any]

INTEGER: Shape = {"type": "integer", "format": "int64"}


class FlagShape(OpenApiSerializerFieldExtension):
    """true or false."""

    target_class = "otestack.api.fields.Flag"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Shape:
        """Return the shape."""
        return {"type": "boolean"}


class QueryFlagShape(FlagShape):
    """true or false in a query."""

    target_class = "otestack.api.fields.QueryFlag"


class UnixTimeShape(OpenApiSerializerFieldExtension):
    """Whole seconds."""

    target_class = "otestack.api.fields.UnixTime"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Shape:
        """Return the shape."""
        return dict(INTEGER)


class QueryNamesShape(OpenApiSerializerFieldExtension):
    """Names in one string: a client that repeats the parameter would lose all but the last."""

    target_class = "otestack.api.fields.QueryNames"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Shape:
        """Return the shape; spaces around a name do no harm."""
        name = f" *(?:{'|'.join(self.target.names)})? *"
        return {"type": "string", "pattern": f"^{name}(?:,{name})*$"}


class UploadShape(OpenApiSerializerFieldExtension):
    """A file of a form."""

    target_class = "otestack.api.fields.Upload"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Shape:
        """Return the shape."""
        return {"type": "string", "format": "binary", "contentMediaType": "application/gzip"}


class JsonObjectShape(OpenApiSerializerFieldExtension):
    """Any object."""

    target_class = "otestack.api.fields.JsonObject"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Shape:
        """Return the shape."""
        return {"type": "object", "additionalProperties": {}}


class HundredthShape(OpenApiSerializerFieldExtension):
    """A percentage divided by 100."""

    target_class = "apps.serializers.Hundredth"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Shape:
        """Return the shape."""
        return {"type": "number", "minimum": 0}


class KeptShape(OpenApiSerializerFieldExtension):
    """A value that is returned as it was sent."""

    target_class = "apps.serializers.Kept"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> Shape:
        """Return the shape of the request's field."""
        shape: Shape = auto_schema.shape_of(self.target.like().fields[self.target.name], direction)
        return shape
