"""The API's document: what a view declares (`endpoint`), and the OpenAPI document that is made of it.

`declare` is all that views need. `shapes`, `operations` and `generator` turn it into the document for drf-spectacular;
nothing of them runs while requests are served. `views` serves `openapi.json` beside this file, which `make schema`
writes: it is checked in so that a change of the API is seen in review, and lies here since it is what is served.
"""

from otestack.api.schema.declare import Answer, Done, Endpoint, Keys, Names, One, Page, Refusal, Stream, endpoint

__all__ = ["Answer", "Done", "Endpoint", "Keys", "Names", "One", "Page", "Refusal", "Stream", "endpoint"]
