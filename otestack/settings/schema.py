"""Settings of the API's document (otestack/api/schema). None comes from the environment: the document is checked in."""

from typing import Any

_CONVENTIONS = """\
Users, businesses, clusters, nodes, images, applications and deployments of fleets of edge Kubernetes clusters.

**Token.** `POST /v1/authorization` returns one. It goes into the `Authorization` header, as it is or after `Bearer`.

**Paths** work with and without a trailing slash. Some have two spellings; the other one says which it repeats.

**Bodies** are JSON objects in UTF-8 (the upload of a chart is multipart). Types are strict: `"1"` is
no number, `1.0` no whole number and `1` no flag. `null` counts as absent. Unknown fields are ignored, in queries too.
Text may hold any Unicode but NUL and lone surrogates.

**Answers** are JSON objects with `code`, which equals the HTTP status, and `message`, which is `success` or one plain
sentence. One object comes as `data`, a list as `data` with its `total`. A parameter error has `errors` besides: the
sentences of each field that is wrong.

**Lists.** `page` counts from 1, `pageSize` 0 means no limit, a page past the end is empty. Equals are ordered by id.

**Times** are whole Unix seconds, UTC.

What belongs to another business is answered as what does not exist: 404.
"""

_CHAPTERS = {
    "User Management": "Tokens, users and passwords.",
    "Business Management": "Businesses: the tenants, each with a namespace in every cluster.",
    "Cluster Management": "Edge clusters and their labels.",
    "Node Management": "Nodes of the clusters and their labels.",
    "Repository Management": "Images and projects of the image registry, and accounts of external ones.",
    "Application Management": "Versions of applications: images or Helm charts.",
    "Deployment Management": "Applications on clusters: deploy, audit, upgrade, roll back, delete.",
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "otestack",
    "VERSION": "v1",
    "DESCRIPTION": _CONVENTIONS,
    "TAGS": [{"name": name, "description": words} for name, words in _CHAPTERS.items()],
    "OAS_VERSION": "3.1.1",
    "GET_MOCK_REQUEST": "otestack.api.schema.generator.no_request",
    "DEFAULT_GENERATOR_CLASS": "otestack.api.schema.generator.Generator",
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "The token after the word Bearer.",
            },
            "token": {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "The token as it is.",
            },
        }
    },
    # Requests and answers are shapes of their own: an answer's string may be empty, a request's mostly not.
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": [],
    "SORT_OPERATIONS": False,
    "SORT_OPERATION_PARAMETERS": False,
    "SERVE_PUBLIC": True,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # Without null it sends the document to a validator on the internet.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "persistAuthorization": True, "validatorUrl": None},
}
