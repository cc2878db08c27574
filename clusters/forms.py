"""Forms of the back-office about clusters."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from otestack.sentences import say, told

# A kubeconfig with its certificates has a few kilobytes.
_MOST_BYTES = 256 * 1024


class Kubeconfig(forms.Form):
    """How to reach a cluster: pasted or uploaded."""

    kubeconfig = forms.CharField(
        label=_("Kubeconfig, pasted"),
        required=False,
        strip=False,
        max_length=_MOST_BYTES,
        widget=UnfoldAdminTextareaWidget(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    file = forms.FileField(label=_("or uploaded"), required=False)
    context = forms.CharField(
        label=_("Context"),
        required=False,
        max_length=255,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Which of its contexts; empty: the current one."),
    )

    def clean(self) -> dict[str, Any]:
        """Put the file's text where the pasted one would be."""
        given = super().clean() or self.cleaned_data
        upload = given.pop("file", None)
        if bool(upload) == bool(given.get("kubeconfig", "").strip()):
            raise forms.ValidationError(gettext("Paste a kubeconfig or upload one."))
        if upload:
            if upload.size > _MOST_BYTES:
                raise forms.ValidationError(
                    told(say("A kubeconfig has at most %(most_bytes)s KB.", most_bytes=_MOST_BYTES // 1024))
                )
            try:
                given["kubeconfig"] = upload.read().decode()
            except UnicodeDecodeError:
                raise forms.ValidationError(gettext("The file is no text.")) from None
        return given


class NewCluster(Kubeconfig):
    """A cluster to register; it is asked at once who it is."""

    clusterName = forms.CharField(label=_("Name"), max_length=63, widget=UnfoldAdminTextInputWidget())
    clusterLabel = forms.CharField(
        label=_("Labels"),
        required=False,
        max_length=1000,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Separated by spaces or commas. What is meant for these labels goes there at once."),
    )
    field_order = ("clusterName", "clusterLabel", "kubeconfig", "file", "context")

    def clean_clusterLabel(self) -> list[str]:
        """Return the labels."""
        return [label for label in re.split(r"[,\s]+", self.cleaned_data["clusterLabel"]) if label]


class NodeLabel(forms.Form):
    """One label of nodes."""

    nodeLabel = forms.CharField(label=_("Label"), max_length=63, widget=UnfoldAdminTextInputWidget())


class LeavingNodeLabel(NodeLabel):
    """One label of nodes that goes, and what of the pods that it brought there."""

    deleteDeploy = forms.BooleanField(
        label=_("Pods of deployments that select it leave the node too"),
        required=False,
        help_text=_("Not ticked: refused where there are such deployments."),
    )


class Label(forms.Form):
    """One label of clusters."""

    clusterLabel = forms.CharField(label=_("Label"), max_length=63, widget=UnfoldAdminTextInputWidget())
