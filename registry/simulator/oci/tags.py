"""Lists of names."""

from .. import content
from ..errors import ApiError, not_found
from ..harbor import Harbor
from ..wire import Answer, Request, json_answer
from .call import Call


def listing(call: Call) -> Answer:
    """GET /v2/{name}/tags/list."""
    repo = content.repository(call.harbor, call.name)
    if repo is None:
        raise not_found(f"repository {call.name} not found")
    rows = call.harbor.database.rows(
        "SELECT name FROM tag WHERE repository_id = ? ORDER BY name", repo["repository_id"]
    )
    names, headers = _cut(call.request, [row["name"] for row in rows])
    return json_answer({"name": call.name, "tags": names}, headers=headers)


def catalog(harbor: Harbor, request: Request) -> Answer:
    """GET /v2/_catalog: repositories that hold something."""
    rows = harbor.database.rows(
        "SELECT name FROM repository WHERE repository_id IN (SELECT repository_id FROM artifact) ORDER BY name"
    )
    names, headers = _cut(request, [row["name"] for row in rows])
    return json_answer({"repositories": names}, headers=headers)


def _cut(request: Request, names: list[str]) -> tuple[list[str], dict[str, str]]:
    text, last = request.one("n"), request.one("last")
    if text and not (text.isascii() and text.isdigit()):
        raise ApiError(400, "PAGINATION_NUMBER_INVALID", f"invalid value for n: {text}")
    left = [name for name in names if name > last] if last else names
    if not text:
        return left, {}
    page = left[: int(text)]
    if not page or len(page) == len(left):
        return page, {}
    return page, {"Link": f'<{request.path}?n={text}&last={page[-1]}>; rel="next"'}
