"""Shapes of requests and responses (seed: Business Management)."""

from typing import Any

from rest_framework import serializers

from business.models import Business, Status
from otestack.api.fields import Body, Text, UnixTime, Whole


class BusinessRequest(Body):
    """POST /v1/business."""

    name = Text(max_length=255, help_text="The business's name; unique.")
    introduce = Text(max_length=4000, help_text="What the business is.")
    objective = Text(max_length=4000, help_text="What it wants the clusters for.")
    scale = Text(max_length=255, help_text="The resources that it expects to use.")


class BusinessAuditRequest(Body):
    """PUT /v1/business/id/[id]."""

    comment = Text(max_length=255, allow_blank=True, help_text="The comment of the audit; may be empty.")
    status = Whole(min_value=Status.APPROVED, max_value=Status.REFUSED, help_text="1 approved, 2 disapproved.")


class BusinessRow(serializers.Serializer[Business]):
    """A business."""

    reads = ("applicant_id",)
    name = serializers.CharField(help_text="The business's name.")
    userId = serializers.SerializerMethodField(help_text="The applicant's id; 0 for the built-in business.")
    comment = serializers.CharField(help_text="The comment of the audit.")
    id = serializers.IntegerField(help_text="The business's id.")
    status = serializers.ChoiceField(
        choices=Status.choices, help_text="0 pending, 1 approved, 2 disapproved, 3 deleted."
    )
    createTime = UnixTime(source="created_at", help_text="When it was applied for.")
    updateTime = UnixTime(source="updated_at", help_text="When it was changed last.")

    def get_userId(self, business: Any) -> int:
        """Return the applicant's id; 0 for the built-in business."""
        return business.applicant_id or 0


class BusinessDetail(BusinessRow):
    """A business in full."""

    introduce = serializers.CharField(help_text="What the business is.")
    objective = serializers.CharField(help_text="What it wants the clusters for.")
    scale = serializers.CharField(help_text="The resources that it expects to use.")
