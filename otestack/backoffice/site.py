"""The back-office's site: the theme's admin with the audit queue at the top and no way past the services.

Loaded before the models, so what needs them is imported where it is used.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from unfold.sites import UnfoldAdminSite

from otestack.caller import client_address
from otestack.errors import DomainError, Invalid


class BackOffice(UnfoldAdminSite):
    """For administrators of the system, and of a business for what is theirs (accounts.models.User.is_staff)."""

    index_title = _("Overview")
    site_url = None
    index_template = "admin/back_office.html"

    @property
    def login_form(self) -> Any:
        """Return our form for names and passwords."""
        from otestack.backoffice.entry import LoginForm

        return LoginForm

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Log in. Too many attempts are a 429, as in the API and by the same count."""
        response = super().login(request, extra_context)
        form = (getattr(response, "context_data", None) or {}).get("form")
        if form is not None and form.too_many is not None:
            response.status_code = form.too_many.code
            response["Retry-After"] = str(form.too_many.wait)
        return response

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show the fleet at a glance, first what waits for audit."""
        return super().index(request, {**self._overview(request), **(extra_context or {})})

    def extra_urls(self) -> list[URLPattern]:
        """Return the routes of our own pages."""
        from deployments.admin.live import events

        return [
            path("overview/", self.admin_view(self.overview), name="overview"),
            path("events/", self.admin_view(events), name="events"),
        ]

    def overview(self, request: HttpRequest) -> HttpResponse:
        """Answer with the overview's inner part, which the page fetches again and again."""
        return TemplateResponse(request, "admin/overview.html", self._overview(request))

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Find screens by name; there is never more than one page of them."""
        if "page" in request.GET:
            raise Http404
        return super().search(request, extra_context)

    def _overview(self, request: HttpRequest) -> dict[str, Any]:
        from otestack.backoffice.overview import overview
        from otestack.backoffice.records import RecordAdmin

        screens = [screen for screen in self._registry.values() if isinstance(screen, RecordAdmin)]
        waiting = [row for screen in screens if (row := screen.waiting_row(request)) is not None]
        return overview(request, waiting)

    @method_decorator([never_cache, sensitive_post_parameters()])
    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Change the own password, by the service that the API uses; this session goes on."""
        from accounts.models import User
        from accounts.services import change_password
        from otestack.backoffice.deeds import OwnPassword

        form = OwnPassword(request.POST or None)
        if form.is_valid():
            user = User.objects.get(pk=request.user.pk or 0)
            try:
                given = form.cleaned_data
                change_password(user, old=given["old"], new=given["password"], address=client_address(request))
            except Invalid as error:
                for field, sentences in error.told_errors.items():
                    form.add_error("old" if field == "oldPassword" else field, sentences)
            except DomainError as error:
                form.add_error(None, error.told)
            else:
                user.refresh_from_db()
                update_session_auth_hash(request, user)
                messages.success(request, gettext("Your password is changed; your tokens for the API have ended."))
                return HttpResponseRedirect(reverse("admin:index"))
        context = {
            "title": gettext("Change your password"),
            "form": form,
            "button": gettext("Change"),
            "back": reverse("admin:index"),
        }
        page = {**self.each_context(request), **context, **(extra_context or {})}
        return TemplateResponse(request, "admin/do.html", page)
