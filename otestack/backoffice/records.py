"""Screens of records: to look at, and to do deeds to (otestack/backoffice/deeds.py)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from inspect import ismethod
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from unfold.admin import ModelAdmin

from otestack.backoffice import history
from otestack.backoffice.deeds import Deed
from otestack.backoffice.lists import BoundedPaginator, RecordList
from otestack.backoffice.making import Maker
from otestack.backoffice.words import once
from otestack.errors import DomainError, Invalid
from otestack.sentences import say, told

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# How many records one deed takes: what a person has really seen before confirming, and what a request can carry.
MOST = 200


class RecordAdmin(Maker, ModelAdmin):
    """Records to look at: nobody adds, edits or deletes here; deeds do, through services. Subclasses name `fields`."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    change_form_template = "admin/record.html"
    change_list_template = "admin/records.html"
    # Never loaded with a list or a record: large, or a decryption that may fail.
    deferred: ClassVar[Sequence[str]] = ()
    # The way from a record to its business; None: only system administrators see these records.
    tenancy: ClassVar[str | None] = None
    joined: ClassVar[Sequence[str]] = ()
    # In the queue at the top: its title, the list's query that shows it, the condition that counts it.
    waiting: ClassVar[tuple[StrOrPromise, str, Q] | None] = None
    # In the menu: its group, icon and place there (otestack/backoffice/menu.py).
    menu: ClassVar[tuple[str, str, int]] = ("More", "list", 0)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        for name in self.fields or ():
            if ismethod(show := getattr(self, str(name), None)):
                setattr(self, str(name), once(show))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the records with what the columns need in the same query."""
        rows = self.theirs(request, super().get_queryset(request))
        if self.joined:
            rows = rows.select_related(*self.joined)
        return rows.defer(*self.deferred) if self.deferred else rows

    def theirs(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return those that the person may see: everything, or what is of the own business."""
        user: Any = request.user
        if user.is_superuser:
            return rows
        if self.tenancy is None or user.business_id is None:
            return rows.none()
        return rows.filter(**{self.tenancy: user.business_id})

    def prepare(self, rows: Sequence[Any]) -> None:
        """Hang on what a page of records needs and their own query does not bring."""

    def more(self, record: Any) -> str:
        """Return what else to read, below the lines that a deed has about a record."""
        return ""

    def starting(self, what: Deed, records: Sequence[Any]) -> dict[str, Any]:
        """Return what a deed's form begins with; asked answers that fit these records."""
        return {}

    def waiting_row(self, request: HttpRequest) -> dict[str, Any] | None:
        """Return the line of the audit queue, if these records have one."""
        if self.waiting is None or "approve" not in self._deeds(request) or not self.has_view_permission(request):
            return None
        title, query, condition = self.waiting
        number = self.theirs(request, self.model._default_manager.filter(condition)).count()
        return {"title": title, "url": f"{self._url('changelist')}?{query}", "number": number, "icon": self.menu[1]}

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Tell whether the screen is one of the person's."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """System administrators see everything, business administrators what has a business; which: get_queryset."""
        user: Any = request.user
        return bool(user.is_staff and (user.is_superuser or self.tenancy is not None))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return the deeds that the person may do."""
        allowed = self._deeds(request)
        return {name: action for name, action in super().get_actions(request).items() if name in allowed}

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Show what was done here, to system administrators: their comments are not for everybody."""
        if not self.may_do(request):
            raise PermissionDenied
        page = super().history_view(request, object_id, extra_context)
        if isinstance(page, TemplateResponse):
            history.show((page.context_data or {}).get("action_list", ()))
        return page

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: records are created through the API and commands."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: deeds change them."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: where deletion is possible it is a deed."""
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse a filter in the address over what is never shown: asked often enough, it would tell it."""
        return lookup.split("__")[0] not in self.deferred and super().lookup_allowed(lookup, value, request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Everything shown is read only."""
        return list(flatten_fieldsets(self.get_fieldsets(request, obj)))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Where a person may not open what a field refers to, show its name without a link."""
        sets = super().get_fieldsets(request, obj)
        user: Any = request.user
        if obj is None or user.is_superuser:
            return sets
        return [
            (title, {**options, "fields": [self._openable(request, obj, name) for name in options["fields"]]})
            for title, options in sets
        ]

    def _openable(self, request: HttpRequest, obj: Any, name: Any) -> Any:
        """Return the field's name, or what shows it as plain text."""
        field = next((one for one in self.opts.concrete_fields if one.name == name and one.many_to_one), None)
        related: Any = getattr(obj, name) if field is not None else None
        screen = self.admin_site._registry.get(type(related))
        if field is None or not isinstance(screen, RecordAdmin):
            return name
        rows = screen.theirs(request, screen.model._default_manager.filter(pk=related.pk))
        if screen.has_view_permission(request) and rows.exists():
            return name

        @admin.display(description=field.verbose_name)
        def plain(record: Any) -> str:
            return str(related)

        plain.__name__ = name
        return plain

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return our list."""
        return RecordList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return one record, prepared as in the list."""
        record = super().get_object(request, object_id, from_field)
        if record is not None:
            self.prepare([record])
        return record

    def get_urls(self) -> list[URLPattern]:
        """Put the deeds' page before Django's own routes, which would take its path for an id."""
        view = self.admin_site.admin_view(self.do_view)
        return [path("do/<str:name>/", view, name=self._route("do")), *self.making_urls(), *super().get_urls()]

    def may_do(self, request: HttpRequest) -> bool:
        """Tell whether the person is a system administrator."""
        user: Any = request.user
        return bool(user.is_staff and user.is_superuser)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Offer to make a record."""
        making = (
            {"making": self.making, "making_url": self._url("make")}
            if self.making is not None and self.may_do(request)
            else {}
        )
        return super().changelist_view(request, {**making, **(extra_context or {})})

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        """Offer the deeds that make sense for this record."""
        offered = [one for one in self._deeds(request).values() if one.offered(obj)]
        context["show_history"] = self.may_do(request)
        context["deeds"] = [
            {"title": one.title, "url": f"{self._do_url(one)}?id={obj.pk}", "ends": one.ends} for one in offered
        ]
        return super().render_change_form(request, context, add, change, form_url, obj)

    def do_selected(self, request: HttpRequest, what: Deed, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask about the selected records of the list, or do it at once where nothing has to be asked."""
        records = list(queryset.order_by("pk")[: MOST + 1])
        if len(records) > MOST:
            self.message_user(
                request,
                told(say("Select at most %(most)s records at a time; nothing was done.", most=MOST)),
                messages.ERROR,
            )
            return None
        if what.ask:
            form = what.form(initial=self.starting(what, records))
            return self._page(request, what, records, form, back=request.get_full_path())
        self._run(request, what, records, {})
        return None

    @method_decorator([csrf_protect, sensitive_post_parameters()])
    def do_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Ask about records by id; when posted, do it. Records are taken as they are now, whatever the list showed."""
        what = self._deeds(request).get(name)
        if what is None:
            raise Http404
        if not self.has_view_permission(request):
            raise PermissionDenied
        posted = request.method == "POST"
        given = request.POST.getlist(ACTION_CHECKBOX_NAME) if posted else request.GET.getlist("id")
        ids = [int(text) for text in given if text.isdecimal() and len(text) < 19]
        records = list(self.get_queryset(request).filter(pk__in=ids[:MOST]).order_by("pk"))
        back = self._back(request, records)
        if not records:
            self.message_user(request, gettext("There is no such record any more; nothing was done."), messages.ERROR)
            return HttpResponseRedirect(back)
        start = self.starting(what, records)
        form = what.form(request.POST if posted else None, request.FILES if posted else None, initial=start)
        if posted and form.is_valid() and self._run(request, what, records, form.cleaned_data, form):
            return HttpResponseRedirect(back)
        return self._page(request, what, records, form, back=back)

    def _run(
        self,
        request: HttpRequest,
        what: Deed,
        records: Iterable[Any],
        answers: dict[str, Any],
        form: forms.Form | None = None,
    ) -> bool:
        """Do it to each. Return false when an answer in the form is at fault: it has been put there."""
        for record in records:
            # Said first: the page writes a message's first letter large, which a name would not bear.
            name = f"{self.opts.verbose_name} {record}"
            try:
                done = what.do(self, request, record, **answers)
            except DomainError as error:
                fields = error.told_errors if isinstance(error, Invalid) else {}
                if form is not None and fields and fields.keys() <= form.fields.keys():
                    form.add_error(None, forms.ValidationError(fields))
                    return False
                self.message_user(
                    request, told(say("%(name)s: %(why)s", name=name, why=error.sentence)), messages.ERROR
                )
                continue
            self.log_change(request, record, history.kept(done, answers.get("comment", "")))
            self.message_user(request, told(say("%(name)s: %(done)s.", name=name, done=done)), messages.SUCCESS)
        return True

    def _page(
        self, request: HttpRequest, what: Deed, records: Sequence[Any], form: forms.Form, *, back: str
    ) -> HttpResponse:
        about = getattr(self, what.about) if what.about else lambda record: []
        noun = self.opts.verbose_name if len(records) == 1 else self.opts.verbose_name_plural
        rows = [
            {
                "pk": record.pk,
                "text": str(record),
                "url": self._url("change", record.pk),
                "lines": about(record),
                "more": self.more(record) if what.about else "",
            }
            for record in records
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": told(say("%(what)s: %(number)s %(noun)s", what=what.title, number=len(records), noun=noun)),
            "opts": self.opts,
            "media": self.media,
            "rows": rows,
            "form": form,
            "checkbox": ACTION_CHECKBOX_NAME,
            "action": self._do_url(what),
            "button": what.title,
            "ends": what.ends,
            "back": back,
        }
        return TemplateResponse(request, "admin/do.html", context)

    def _back(self, request: HttpRequest, records: Sequence[Any]) -> str:
        """Return where to go afterwards: where the form says, if below this list, else the record or the list."""
        listing = self._url("changelist")
        wanted = request.POST.get("next", "")
        if wanted.startswith(listing):
            return wanted
        return self._url("change", records[0].pk) if len(records) == 1 else listing

    def every_deed(self) -> dict[str, Deed]:
        """Return all that can be done to these records, by name."""
        marked = [getattr(getattr(type(self), str(name)), "deed", None) for name in self.actions or ()]
        return {one.name: one for one in marked if one is not None}

    def _deeds(self, request: HttpRequest) -> dict[str, Deed]:
        """Return what the person may do."""
        every = self.every_deed()
        return every if self.may_do(request) else {name: one for name, one in every.items() if one.tenants}

    def _do_url(self, what: Deed) -> str:
        return self._url("do", what.name)

    def _route(self, what: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{what}"

    def _url(self, what: str, *args: Any) -> str:
        return reverse(f"admin:{self._route(what)}", args=args)
