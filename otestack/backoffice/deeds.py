"""Deeds: what can be done to records.

A deed is a method `do(self, request, record, **answers)` of a screen, marked with @deed. It calls one service and
returns what was done, in words. The list offers it for the selected records, a record's page for that one; a page that
names the records and takes the form's answers comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from otestack.backoffice.records import RecordAdmin

_NEW = {"autocomplete": "new-password"}


class Comment(forms.Form):
    """What whoever submitted it will read."""

    comment = forms.CharField(label=_("Comment"), max_length=255, required=False, widget=UnfoldAdminTextInputWidget())


class Version(Comment):
    """Which version, and why; both go with the change."""

    version = forms.CharField(label=_("Version"), max_length=64, widget=UnfoldAdminTextInputWidget())
    field_order = ("version", "comment")


class Password(forms.Form):
    """A new password; whether it is a good one the service says."""

    password = forms.CharField(label=_("New password"), strip=False, widget=UnfoldAdminPasswordWidget(attrs=_NEW))
    again = forms.CharField(label=_("Once more"), strip=False, widget=UnfoldAdminPasswordWidget(attrs=_NEW))

    def clean(self) -> None:
        """Compare the two."""
        super().clean()
        if "again" in self.cleaned_data and self.cleaned_data["again"] != self.cleaned_data.get("password"):
            self.add_error("again", gettext("The two are not the same."))


class OwnPassword(Password):
    """The old password, then the new one."""

    old = forms.CharField(
        label=_("Current password"),
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )
    field_order = ("old", "password", "again")


@dataclass(frozen=True)
class Deed:
    """One thing that can be done.

    about: the method that returns lines to read before. ends: a record is lost. offered: on which record's page.
    tenants: administrators of the record's business may do it too.
    """

    name: str
    title: StrOrPromise
    do: Callable[..., str]
    form: type[forms.Form]
    ask: bool
    about: str
    ends: bool
    offered: Callable[[Any], bool]
    tenants: bool


def deed(
    title: StrOrPromise,
    *,
    form: type[forms.Form] = forms.Form,
    ask: bool = True,
    about: str = "",
    ends: bool = False,
    offered: Callable[[Any], bool] = lambda record: True,
    tenants: bool = False,
) -> Callable[[Callable[..., str]], Callable[..., Any]]:
    """Make a method a deed. ask: the list confirms it on a page of its own, always so with a form."""

    def mark(do: Callable[..., str]) -> Callable[..., Any]:
        made = Deed(do.__name__, title, do, form, ask, about, ends, offered, tenants)

        def action(screen: RecordAdmin, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
            return screen.do_selected(request, made, queryset)

        action.__name__ = do.__name__
        action.deed = made  # type: ignore[attr-defined]
        return admin.action(description=lazy(_selected, str)(title))(action)

    return mark


def _selected(title: StrOrPromise) -> str:
    """Return what the list calls a deed; it puts in the records' name itself."""
    return gettext("%s (selected %%(verbose_name_plural)s)") % title
