"""Liveness and readiness, for load balancers and operators. No login; nothing here is worth hiding."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from otestack.health import checks


def _not_allowed(request: HttpRequest) -> HttpResponse | None:
    if request.method in {"GET", "HEAD"}:
        return None
    message = f"The method {request.method} is not allowed here."
    return JsonResponse({"code": 405, "message": message}, status=405, headers={"Allow": "GET, HEAD"})


@csrf_exempt  # or the wrong method gets a page about cookies
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Liveness: this process answers. Touches nothing, so a database that is away restarts no web server."""
    return _not_allowed(request) or JsonResponse({"code": 200, "message": "success"})


@csrf_exempt  # or the wrong method gets a page about cookies
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Readiness: 200 when everything that is needed works, else 503 that names what is missing.

    `?only=web` asks for this process and the database alone.
    """
    if refusal := _not_allowed(request):
        return refusal
    only = request.GET.get("only", "")
    if only not in {"", "web"}:
        message = "only: It must be 'web' or absent."
        return JsonResponse({"code": 422, "message": message, "errors": {"only": [message[6:]]}}, status=422)
    works, sentences = checks.readiness(only_web=only == "web")
    code = 503 if sentences else 200
    message = f"Not ready. {' '.join(sentences)}" if sentences else "success"
    response = JsonResponse({"code": code, "message": message, "data": works}, status=code)
    # A balancer asks every few seconds; Django would log each 503 as an error of ours.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
