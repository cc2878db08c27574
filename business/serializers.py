"""Shapes of requests and responses (seed: Business Management)."""

from rest_framework import serializers

from business.models import Business, Status
from otestack.api.fields import Body, Text, UnixTime, Whole


class ApplicationRequest(Body):
    """POST /v1/business."""

    name = Text(max_length=255)
    introduce = Text(max_length=4000)
    objective = Text(max_length=4000)
    scale = Text(max_length=255)


class AuditRequest(Body):
    """PUT /v1/business/id/[id]. 1 approved, 2 disapproved."""

    comment = Text(max_length=255, allow_blank=True)
    status = Whole(min_value=Status.APPROVED, max_value=Status.REFUSED)


class BusinessRow(serializers.Serializer[Business]):
    """One business of the list."""

    name = serializers.CharField()
    userId = serializers.SerializerMethodField()
    comment = serializers.CharField()
    id = serializers.IntegerField()
    status = serializers.IntegerField()
    createTime = UnixTime(source="created_at")
    updateTime = UnixTime(source="updated_at")

    def get_userId(self, business: Business) -> int:
        """Return the applicant's id; 0 for the built-in business."""
        return business.applicant_id or 0


class BusinessDetail(BusinessRow):
    """One business in full."""

    introduce = serializers.CharField()
    objective = serializers.CharField()
    scale = serializers.CharField()
