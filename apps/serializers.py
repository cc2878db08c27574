"""Requests and answers of Application Management 1 to 4. Percent of CPU in, cores out."""

from __future__ import annotations

import json
import re
from typing import Any

from django.conf import settings
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps import images, rules
from apps.charts.limits import PACKED
from apps.models import AppVersion, DeployType, Status
from otestack.api.fields import INT31, Body, Flag, Listed, Rule, Text, UnixTime, Upload, Whole
from otestack.sentences import say, told

# Ports, variables, volumes and dependences of one application.
MOST_ITEMS = 100
# Bytes of one specification as JSON: an edge's store takes 1.5 MB an object, with its bookkeeping.
MOST_BYTES = 256 * 1024
INT63 = 2**63 - 1


def _only(pattern: re.Pattern[str], sentence: str) -> RegexValidator:
    return RegexValidator(rf"\A(?:{pattern.pattern})\Z", sentence, flags=re.ASCII)


def _image_problem(value: str) -> str | None:
    return None if images.parse(value) else say("It must be an image reference such as registry.local/team/app:1.0.")


def _host_path_problem(value: str) -> str | None:
    return rules.host_path_problem(value, settings.OTE_HOST_PATHS)


class PortRequest(Body):
    """A port that the container listens on, and the node's port that leads to it."""

    port = Whole(min_value=1, max_value=65535, help_text="The port that the container listens on.")
    hostPort = Whole(
        min_value=1, max_value=65535, required=False, help_text="The port of the node that leads to it, if any."
    )


class VolumeRequest(Body):
    """A folder of the host, mounted read-only."""

    path = Text(
        max_length=1024,
        validators=[Rule(rules.mount_problem, pattern=rules.ABSOLUTE)],
        help_text="Where it appears in the container: an absolute path without '..' and ':', not the root.",
    )
    hostPath = Text(
        max_length=1024,
        validators=[Rule(_host_path_problem, pattern=rules.ABSOLUTE)],
        help_text="The host's folder: an absolute path without '..', below the prefixes that this installation allows.",
    )
    readOnly = Flag(default=True, help_text="It must be true: a host path may be mounted read-only only.")

    def validate_readOnly(self, value: bool) -> bool:
        """Refuse to mount for writing."""
        if not value:
            raise serializers.ValidationError(_("A host path may be mounted read-only only: it must be true."))
        return value


class EnvRequest(Body):
    """An environment variable; its value reaches the process as it is written here."""

    name = Text(
        max_length=255,
        validators=[Rule(rules.env_name_problem, pattern=rules.ENV_NAME.pattern)],
        help_text="The variable's name.",
    )
    value = Text(max_length=8192, allow_blank=True, default="", help_text="Its value, taken as it is.")


class DependenceRequest(Body):
    """Another application that this one calls; kept for the reader."""

    name = Text(max_length=255, help_text="The other application's name.")
    service = Text(max_length=255, help_text="The service that it offers.")
    port = Whole(min_value=1, max_value=65535, help_text="The service's port.")


def _app_name() -> Text:
    return Text(
        max_length=63,
        validators=[
            _only(
                rules.DNS_LABEL, say("It must be 1 to 63 lower-case letters, digits or '-', with no '-' at either end.")
            )
        ],
        help_text="The application's name: lower-case letters, digits and '-'.",
    )


def _line() -> Text:
    return Text(
        max_length=32,
        validators=[_only(rules.LINE, say("It must be a main version x.x, such as 1.2."))],
        help_text="The main line x.x; the version becomes its next minor, x.x.1 first.",
    )


class ChartRequest(Body):
    """POST /v1/app/chart, as a form."""

    appName = _app_name()
    version = _line()
    chart = Upload(
        max_bytes=PACKED,
        help_text="The chart: a gzipped tar of one Helm chart, at most 10 MB packed and 50 MB unpacked.",
    )


class AppRequest(Body):
    """POST /v1/app. What Kubernetes counts in signed 32 bits is at most 2147483647, other numbers 4294967295."""

    appName = _app_name()
    deployType = serializers.ChoiceField(
        choices=[DeployType.DEPLOYMENT.value, DeployType.DAEMONSET.value],
        # DRF's own sentence repeats what was sent, which may be no text that can be sent back.
        error_messages={"invalid_choice": _("It must be deployment or daemonset.")},
        help_text="How it runs: deployment, so many copies; daemonset, one copy on each node.",
    )
    image = Text(
        max_length=512,
        validators=[Rule(_image_problem)],
        help_text="The image, with its registry and its tag or digest: registry.local/team/app:1.0.",
    )
    version = _line()
    repositoryId = Text(
        max_length=255,
        allow_blank=True,
        default="",
        help_text="The external repository whose account pulls the image; empty: none.",
    )
    port = Listed(
        child=PortRequest(), max_length=MOST_ITEMS, help_text="The ports that it exposes; empty makes no Service."
    )
    command = Text(
        max_length=8192,
        allow_blank=True,
        default="",
        validators=[Rule(rules.command_problem)],
        help_text="The start command, split into words as a shell would and run without one; empty: the image's own.",
    )
    volume = Listed(
        child=VolumeRequest(), max_length=MOST_ITEMS, default=list, help_text="Folders of the host that it sees."
    )
    dependence = Listed(
        child=DependenceRequest(), max_length=MOST_ITEMS, default=list, help_text="Other applications that it calls."
    )
    env = Listed(
        child=EnvRequest(), max_length=MOST_ITEMS, default=list, help_text="Environment variables of its processes."
    )
    replicas = Whole(max_value=INT31, default=1, help_text="How many copies run; for a deployment only.")
    minReplicas = Whole(
        max_value=INT31, required=False, help_text="The fewest copies; as many as replicas if it is not given."
    )
    maxReplicas = Whole(
        max_value=INT31, required=False, help_text="The most copies; as many as replicas if it is not given."
    )
    minCPU = Whole(help_text="The CPU that each copy requests, in percent of a core; 0: none.")
    maxCPU = Whole(help_text="The CPU that each copy may use, in percent of a core; 0: no limit.")
    GPU = Whole(default=0, help_text="GPUs of each copy.")
    isHPA = Flag(help_text="Whether the number of copies follows the load, between minReplicas and maxReplicas.")
    targetCPUUtilization = Whole(max_value=INT31, help_text="The CPU load to aim for, in percent of the request.")
    targetMemUtilization = Whole(max_value=INT31, help_text="The memory load to aim for, in percent of the request.")
    minMemory = Whole(help_text="The memory that each copy requests, in MB; 0: none.")
    maxMemory = Whole(help_text="The memory that each copy may use, in MB; 0: no limit.")
    maxUnavailable = Whole(max_value=INT31, help_text="How many copies may be missing during an update.")
    maxSurge = Whole(max_value=INT31, help_text="How many copies may be too many during an update.")
    # One less: the rollout's deadline must lie beyond it and is such a number too.
    minReadySeconds = Whole(
        max_value=INT31 - 1, help_text="For how many seconds a new copy must be ready before it counts."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Fill in the defaults that depend on other fields, then check the fields against each other."""
        spec = {"minReplicas": attrs["replicas"], "maxReplicas": attrs["replicas"]} | attrs
        if found := rules.problems(spec):
            raise serializers.ValidationError(
                {field: [told(sentence) for sentence in sentences] for field, sentences in found.items()}
            )
        if len(json.dumps(spec, ensure_ascii=False).encode()) > MOST_BYTES:
            raise serializers.ValidationError(
                {"body": [told(say("The application is longer than %(most)s bytes.", most=MOST_BYTES))]}
            )
        return spec


class AppDeleteRequest(Body):
    """DELETE /v1/app."""

    appId = Listed(
        child=Whole(min_value=1, max_value=INT63), allow_empty=False, help_text="Ids of application versions."
    )


class Hundredth(serializers.Field[int, Any, int | float, Any]):
    """Percent, shown divided by 100: 10 is 0.1, 200 is 2."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)

    def to_representation(self, value: int) -> int | float:
        """Return a whole number where it is one."""
        return value / 100 if value % 100 else value // 100


class Kept(serializers.ReadOnlyField):
    """Shows a value of the stored specification; default: where it has none (a chart).

    Its shape and its sentence are those of the request's field.
    """

    like = AppRequest

    def __init__(self, name: str, default: Any) -> None:
        self.name = name
        super().__init__(source=f"spec.{name}", default=default)


class AppAnswer(serializers.ModelSerializer[AppVersion]):
    """A version of an application."""

    reads = ("image",)
    json_columns = ("spec",)
    appName = serializers.CharField(source="app_name", help_text="The application's name.")
    status = serializers.ChoiceField(choices=Status.choices, help_text="0 initialising, 1 ready, 2 failed, 3 deleted.")
    deployType = serializers.ChoiceField(
        source="deploy_type", choices=DeployType.choices, help_text="How it runs; chart: as its Helm chart says."
    )
    projectName = serializers.SerializerMethodField(
        help_text="The project of our own registry that the image lies in; else empty."
    )
    repositoryId = serializers.CharField(
        source="repository_id", help_text="The external repository whose account pulls the image; empty: none."
    )
    replicas = Kept("replicas", 0)
    port = Kept("port", [])
    command = Kept("command", "")
    volume = Kept("volume", [])
    dependence = Kept("dependence", [])
    env = Kept("env", [])
    minReplicas = Kept("minReplicas", 0)
    maxReplicas = Kept("maxReplicas", 0)
    minCPU = Hundredth(source="spec.minCPU", default=0, help_text="The CPU that each copy requests, in cores; 0: none.")
    maxCPU = Hundredth(
        source="spec.maxCPU", default=0, help_text="The CPU that each copy may use, in cores; 0: no limit."
    )
    GPU = Kept("GPU", 0)
    isHPA = Kept("isHPA", False)
    targetCPUUtilization = Hundredth(
        source="spec.targetCPUUtilization",
        default=0,
        help_text="The CPU load to aim for: 1 is all that is requested.",
    )
    targetMemUtilization = Kept("targetMemUtilization", 0)
    minMemory = Kept("minMemory", 0)
    maxMemory = Kept("maxMemory", 0)
    maxUnavailable = Kept("maxUnavailable", 0)
    maxSurge = Kept("maxSurge", 0)
    minReadySeconds = Kept("minReadySeconds", 0)
    createTime = UnixTime(source="created_at", help_text="When the version was created.")
    updateTime = UnixTime(source="updated_at", help_text="When its status changed last.")

    class Meta:
        model = AppVersion
        fields = (
            *("id", "appName", "status", "deployType", "image", "projectName", "repositoryId", "version"),
            *("replicas", "port", "command", "volume", "dependence", "env", "minReplicas", "maxReplicas"),
            *("minCPU", "maxCPU", "GPU", "isHPA", "targetCPUUtilization", "targetMemUtilization"),
            *("minMemory", "maxMemory", "maxUnavailable", "maxSurge", "minReadySeconds", "createTime", "updateTime"),
        )
        extra_kwargs = {
            "id": {"help_text": "The version's id."},
            "image": {"help_text": "The image; empty for a chart."},
            "version": {"help_text": "The full version: its main line and its minor."},
        }

    def get_projectName(self, version: Any) -> str:
        """Return the Harbor project of the image, else ""."""
        return images.project_of(version.image, getattr(settings, "OTE_REGISTRY_DOMAIN", ""))
