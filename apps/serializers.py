"""Requests and answers of Application Management 1 to 4. Percent of CPU in, cores out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.validators import RegexValidator
from rest_framework import serializers

from apps import images, rules
from apps.models import AppVersion, DeployType
from otestack.api.fields import INT31, Body, Flag, Listed, Text, UnixTime, Whole

# Ports, variables, volumes and dependences of one application.
MOST_ITEMS = 100
# Bytes of one specification as JSON: an edge's store takes 1.5 MB an object, with its bookkeeping.
MOST_BYTES = 256 * 1024
INT63 = 2**63 - 1


def _only(pattern: re.Pattern[str], sentence: str) -> RegexValidator:
    return RegexValidator(rf"\A(?:{pattern.pattern})\Z", sentence, flags=re.ASCII)


def _checked(problem: Callable[[str], str | None]) -> Callable[[str], None]:
    """Return a validator from a rule that says what is wrong."""

    def validate(value: str) -> None:
        if sentence := problem(value):
            raise serializers.ValidationError(sentence)

    return validate


def _image_problem(value: str) -> str | None:
    return None if images.parse(value) else "It must be an image reference such as registry.local/team/app:1.0."


def _host_path_problem(value: str) -> str | None:
    return rules.host_path_problem(value, settings.OTE_HOST_PATHS)


class PortRequest(Body):
    """A port that the container listens on, and the node's port that leads to it."""

    port = Whole(min_value=1, max_value=65535)
    hostPort = Whole(min_value=1, max_value=65535, required=False)


class VolumeRequest(Body):
    """A folder of the host, mounted read-only."""

    path = Text(max_length=1024, validators=[_checked(rules.mount_problem)])
    hostPath = Text(max_length=1024, validators=[_checked(_host_path_problem)])
    readOnly = Flag(default=True)

    def validate_readOnly(self, value: bool) -> bool:
        """Refuse to mount for writing."""
        if not value:
            raise serializers.ValidationError("A host path may be mounted read-only only: it must be true.")
        return value


class EnvRequest(Body):
    """An environment variable; its value reaches the process as it is written here."""

    name = Text(max_length=255, validators=[_checked(rules.env_name_problem)])
    value = Text(max_length=8192, allow_blank=True, default="")


class DependenceRequest(Body):
    """Another application that this one calls; kept for the reader."""

    name = Text(max_length=255)
    service = Text(max_length=255)
    port = Whole(min_value=1, max_value=65535)


class AppRequest(Body):
    """POST /v1/app. What Kubernetes counts in signed 32 bits is at most 2147483647, other numbers 4294967295."""

    appName = Text(
        max_length=63,
        validators=[
            _only(rules.DNS_LABEL, "It must be 1 to 63 lower-case letters, digits or '-', with no '-' at either end.")
        ],
    )
    deployType = serializers.ChoiceField(
        choices=[DeployType.DEPLOYMENT.value, DeployType.DAEMONSET.value],
        # DRF's own sentence repeats what was sent, which may be no text that can be sent back.
        error_messages={"invalid_choice": "It must be deployment or daemonset."},
    )
    image = Text(max_length=512, validators=[_checked(_image_problem)])
    version = Text(max_length=32, validators=[_only(rules.LINE, "It must be a main version x.x, such as 1.2.")])
    repositoryId = Text(max_length=255, allow_blank=True, default="")
    port = Listed(child=PortRequest(), max_length=MOST_ITEMS)
    command = Text(max_length=8192, allow_blank=True, default="", validators=[_checked(rules.command_problem)])
    volume = Listed(child=VolumeRequest(), max_length=MOST_ITEMS, default=list)
    dependence = Listed(child=DependenceRequest(), max_length=MOST_ITEMS, default=list)
    env = Listed(child=EnvRequest(), max_length=MOST_ITEMS, default=list)
    replicas = Whole(max_value=INT31, default=1)
    minReplicas = Whole(max_value=INT31, required=False)
    maxReplicas = Whole(max_value=INT31, required=False)
    minCPU = Whole()
    maxCPU = Whole()
    GPU = Whole(default=0)
    isHPA = Flag()
    targetCPUUtilization = Whole(max_value=INT31)
    targetMemUtilization = Whole(max_value=INT31)
    minMemory = Whole()
    maxMemory = Whole()
    maxUnavailable = Whole(max_value=INT31)
    maxSurge = Whole(max_value=INT31)
    # One less: the rollout's deadline must lie beyond it and is such a number too.
    minReadySeconds = Whole(max_value=INT31 - 1)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Fill in the defaults that depend on other fields, then check the fields against each other."""
        spec = {"minReplicas": attrs["replicas"], "maxReplicas": attrs["replicas"]} | attrs
        if found := rules.problems(spec):
            raise serializers.ValidationError(found)
        if len(json.dumps(spec, ensure_ascii=False).encode()) > MOST_BYTES:
            raise serializers.ValidationError({"body": [f"The application is longer than {MOST_BYTES} bytes."]})
        return spec


class DeleteRequest(Body):
    """DELETE /v1/app."""

    appId = Listed(child=Whole(min_value=1, max_value=INT63), allow_empty=False)


class Hundredth(serializers.Field[int, Any, int | float, Any]):
    """Percent, shown divided by 100: 10 is 0.1, 200 is 2."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)

    def to_representation(self, value: int) -> int | float:
        """Return a whole number where it is one."""
        return value / 100 if value % 100 else value // 100


def _kept(name: str, default: Any) -> serializers.ReadOnlyField:
    """Return a field that shows a value of the stored specification; default: where it has none (a chart)."""
    return serializers.ReadOnlyField(source=f"spec.{name}", default=default)


class AppAnswer(serializers.ModelSerializer[AppVersion]):
    """One application version, as GET /v1/app and GET /v1/app/id/[id] show it."""

    appName = serializers.CharField(source="app_name")
    deployType = serializers.CharField(source="deploy_type")
    projectName = serializers.SerializerMethodField()
    repositoryId = serializers.CharField(source="repository_id")
    replicas = _kept("replicas", 0)
    port = _kept("port", [])
    command = _kept("command", "")
    volume = _kept("volume", [])
    dependence = _kept("dependence", [])
    env = _kept("env", [])
    minReplicas = _kept("minReplicas", 0)
    maxReplicas = _kept("maxReplicas", 0)
    minCPU = Hundredth(source="spec.minCPU", default=0)
    maxCPU = Hundredth(source="spec.maxCPU", default=0)
    GPU = _kept("GPU", 0)
    isHPA = _kept("isHPA", False)
    targetCPUUtilization = Hundredth(source="spec.targetCPUUtilization", default=0)
    targetMemUtilization = _kept("targetMemUtilization", 0)
    minMemory = _kept("minMemory", 0)
    maxMemory = _kept("maxMemory", 0)
    maxUnavailable = _kept("maxUnavailable", 0)
    maxSurge = _kept("maxSurge", 0)
    minReadySeconds = _kept("minReadySeconds", 0)
    createTime = UnixTime(source="created_at")
    updateTime = UnixTime(source="updated_at")

    class Meta:
        model = AppVersion
        fields = (
            *("id", "appName", "status", "deployType", "image", "projectName", "repositoryId", "version"),
            *("replicas", "port", "command", "volume", "dependence", "env", "minReplicas", "maxReplicas"),
            *("minCPU", "maxCPU", "GPU", "isHPA", "targetCPUUtilization", "targetMemUtilization"),
            *("minMemory", "maxMemory", "maxUnavailable", "maxSurge", "minReadySeconds", "createTime", "updateTime"),
        )

    def get_projectName(self, version: AppVersion) -> str:
        """Return the Harbor project of the image, else ""."""
        return images.project_of(version.image, getattr(settings, "OTE_REGISTRY_DOMAIN", ""))
