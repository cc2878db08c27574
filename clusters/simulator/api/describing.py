"""Everything that is not a resource: version, discovery, OpenAPI."""

from . import discovery, openapi, paths, status
from .answers import Answer, json_answer, plain


def describe(method: str, cluster: str, parts: list[str], accept: str) -> Answer:
    """Answer a request for a path below a cluster's root. Raises ApiError."""
    if method not in ("GET", "HEAD"):
        raise status.no_such_resource()
    match parts:
        case []:
            return json_answer({"paths": ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/readyz", "/version"]})
        case ["version"]:
            return json_answer(discovery.VERSION)
        case ["api"] | ["apis"]:
            return _groups(parts[0] == "api", accept)
        case ["api", version] if paths.is_known_version("", version):
            return json_answer(discovery.resources("", version))
        case ["apis", group] if paths.is_known_group(group):
            return json_answer({"kind": "APIGroup", "apiVersion": "v1"} | discovery.group(group))
        case ["apis", group, version] if paths.is_known_version(group, version):
            return json_answer(discovery.resources(group, version))
        case ["openapi", "v3"]:
            return json_answer(openapi.index(f"/clusters/{cluster}"))
        case ["openapi", "v3", "api", version]:
            return _document("", version)
        case ["openapi", "v3", "apis", group, version]:
            return _document(group, version)
        case ["api", version, *_] if paths.is_known_version("", version):
            raise status.no_such_resource()
        case ["apis", group, version, *_] if paths.is_known_version(group, version):
            raise status.no_such_resource()
    return plain("404 page not found\n", 404)


def _groups(core: bool, accept: str) -> Answer:
    for version in ("v2", "v2beta1"):
        media = discovery.AGGREGATED.format(version)
        if media in accept.replace(" ", ""):
            answer = json_answer(discovery.aggregated(core, version))
            answer.content_type = media
            return answer
    return json_answer(discovery.core_versions() if core else discovery.groups())


def _document(group: str, version: str) -> Answer:
    found = openapi.document(group, version)
    return json_answer(found) if found else plain("404 page not found\n", 404)
