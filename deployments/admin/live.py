"""The back-office's own stream of progress: its session instead of a token, the same events as the API's."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from accounts.access import by_session
from accounts.policy import ADMINS
from deployments.live import follow
from deployments.models import Deployment
from otestack.api.exceptions import answer
from otestack.errors import DomainError

# Deployments in one stream: as many as the overview shows changes under way, and some.
MOST = 20


def events(request: HttpRequest) -> HttpResponseBase:
    """Stream the progress of the deployments that `id` names, again and again: of the record, or on the overview.

    Nothing of it tells another's deployment from one that is not there: 404.
    """
    user: Any = request.user
    given = request.GET.getlist("id")
    if not 0 < len(given) <= MOST or not all(pk.isascii() and pk.isdigit() and len(pk) < 19 for pk in given):
        raise Http404
    ids = sorted({int(pk) for pk in given})
    if Deployment.objects.visible_to(user).filter(pk__in=ids).count() != len(ids):
        raise Http404
    try:
        return follow(request, ids, by_session(user, request.session.session_key or "", ADMINS))
    except DomainError as error:
        body, headers = answer(error)
        return JsonResponse(body, status=body["code"], headers=headers)
