"""Every change of deployments. Callers have established who may call; what the state allows is checked here.

choose   what a request means: version, clusters, nodes
making   the objects, made once at submission
locks    the order in which rows are locked
submit   new, upgrade, rollback, delete
decide   approve, refuse
endings  what apps below ask: a business goes, a version is in use
retrying an operator wants it now
renewal  a registry account's new password
telling  what followers are told
"""

from deployments.services.decide import approve, audit, refuse
from deployments.services.endings import delete_for_business, in_use
from deployments.services.renewal import renew_pull_secrets
from deployments.services.retrying import retry
from deployments.services.submit import submit_delete, submit_new, submit_rollback, submit_upgrade

__all__ = [
    "approve",
    "audit",
    "delete_for_business",
    "in_use",
    "refuse",
    "renew_pull_secrets",
    "retry",
    "submit_delete",
    "submit_new",
    "submit_rollback",
    "submit_upgrade",
]
