"""Deployments and the audit of their changes in the back-office."""

from deployments.admin.deployments import DeploymentAdmin
from deployments.admin.operations import OperationAdmin

__all__ = ["DeploymentAdmin", "OperationAdmin"]
