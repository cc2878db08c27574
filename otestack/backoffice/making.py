"""Making new records: a button above the list, a form, one service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from otestack.backoffice import history
from otestack.errors import DomainError, Invalid
from otestack.sentences import say, told

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Making:
    """What the button says, what is asked, and what was done then."""

    title: StrOrPromise
    form: type[forms.Form]
    done: str


class Maker:
    """A part of RecordAdmin; screens that make records have `making` and `make`."""

    making: ClassVar[Making | None] = None

    def make(self, request: HttpRequest, **answers: Any) -> Any:
        """Make a record by a service and return it."""
        raise NotImplementedError

    def making_urls(self: Any) -> list[URLPattern]:
        """Return the form's route."""
        if self.making is None:
            return []
        return [path("make/", self.admin_site.admin_view(self.make_view), name=self._route("make"))]

    @method_decorator([csrf_protect, sensitive_post_parameters()])
    def make_view(self: Any, request: HttpRequest) -> HttpResponse:
        """Ask; when posted, make it and show it."""
        if self.making is None:
            raise Http404
        if not self.may_do(request):
            raise PermissionDenied
        form = self.making.form(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                record = self.make(request, **form.cleaned_data)
            except DomainError as error:
                fields = error.told_errors if isinstance(error, Invalid) else {}
                known = fields and fields.keys() <= form.fields.keys()
                form.add_error(None, forms.ValidationError(fields) if known else error.told)
            else:
                self.log_addition(request, record, history.kept(self.making.done))
                name = f"{self.opts.verbose_name} {record}"
                self.message_user(
                    request, told(say("%(name)s: %(done)s.", name=name, done=self.making.done)), messages.SUCCESS
                )
                return HttpResponseRedirect(self._url("change", record.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": self.making.title,
            "opts": self.opts,
            "media": self.media,
            "form": form,
            "action": self._url("make"),
            "button": self.making.title,
            "back": self._url("changelist"),
        }
        return TemplateResponse(request, "admin/do.html", context)
