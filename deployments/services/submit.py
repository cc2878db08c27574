"""Submitting changes. Each becomes an operation with an audit record; one of a deployment at a time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from accounts.policy import ADMINS
from apps.models import AppVersion
from business.services import lock_approved, own_business
from clusters.engine.bundles import check_free
from clusters.engine.clock import db_now
from clusters.engine.placing import lock_placements
from clusters.models import Bundle
from deployments.models import Change, Deployment, Operation, Status
from deployments.pull_secrets import renewed
from deployments.services.choose import (
    Values,
    app_version,
    clusters_meant,
    may_name_service,
    require_name,
    require_nodes,
    runs_of,
    values_meant,
    version_run_before,
)
from deployments.services.decide import carry_out
from deployments.services.locks import lock_business_of, lock_deployment, lock_version
from deployments.services.making import Made, make, wish
from deployments.services.noting import content, of_change
from deployments.services.telling import tell
from otestack import trail
from otestack.errors import Conflict, Invalid
from otestack.sentences import say
from otestack.transactions import insert, retry_deadlock
from registry.models import RegistryAccount

if TYPE_CHECKING:
    from accounts.models import User


@retry_deadlock
def submit_new(
    *,
    by: User,
    deploy_name: str,
    app_name: str,
    version: str,
    cluster: str,
    node_label: str,
    comment: str,
    values: dict[str, Any] | None = None,
) -> Operation:
    """Submit a new deployment in the caller's own business. values: of a chart, beside its defaults.

    Raises Invalid (name, application, version, cluster, node label or values), Conflict when another deployment holds
    an object of the same name, Unavailable where no chart can be rendered. Source: seed, POST /v1/deploy.
    """
    require_name(deploy_name)
    business = own_business(by)
    found = app_version(business.pk, app_name, version)
    if not may_name_service(deploy_name, found):
        raise Invalid(
            deployName=say(
                "It must start with a letter, because the version has ports and so gets a Service of this name."
            )
        )
    selector, value = clusters_meant(cluster)
    require_nodes(node_label, selector, value)
    deployment = Deployment(
        business=business,
        name=deploy_name,
        app_name=app_name,
        cluster=cluster,
        selector=selector,
        selector_value=value,
        node_label=node_label,
    )
    made = make(deployment, found, values_meant(found, values, Operation.objects.none()))
    with transaction.atomic():
        lock_approved(business.pk)
        _lock_for_approval(by)
        lock_version(found)
        taken = Deployment.objects.filter(business=business, name=deploy_name, live=True)
        insert(
            deployment,
            taken=taken,
            refusal=Invalid(deployName=say("The name '%(deploy_name)s' is taken.", deploy_name=deploy_name)),
        )
        return _submit(deployment, Change.NEW, found, made, by=by, comment=comment)


@retry_deadlock
def submit_upgrade(
    deployment: Deployment, *, by: User, version: str, comment: str = "", values: dict[str, Any] | None = None
) -> Operation:
    """Submit another version of the deployment's application. values: of a chart; None: those it runs with.

    Raises Invalid for an unknown version or the one that runs, or for values, Conflict while another change is on,
    Unavailable where no chart can be rendered. Source: seed, POST /v1/deploy/id/[id].
    """
    _require_changeable(deployment)
    found = app_version(deployment.business_id, deployment.app_name, version)
    meant = values_meant(found, values, Operation.objects.filter(pk=deployment.current_id or 0))
    return _change(deployment, Change.UPGRADE, found, meant, by=by, comment=comment)


@retry_deadlock
def submit_rollback(
    deployment: Deployment, *, by: User, version: str, comment: str, values: dict[str, Any] | None = None
) -> Operation:
    """Submit a version that this deployment has run before, also one that was deleted since.

    values: of a chart; None: those with which that version last ran.
    Raises Invalid for any other version, or for values, Conflict while another change is on, Unavailable where no chart
    can be rendered. Source: seed, PUT /v1/deploy/id/[id].
    """
    _require_changeable(deployment)
    found = version_run_before(deployment, version)
    meant = values_meant(found, values, runs_of(deployment, found))
    return _change(deployment, Change.ROLLBACK, found, meant, by=by, comment=comment)


@retry_deadlock
@transaction.atomic
def submit_delete(deployment: Deployment, *, by: User) -> Operation:
    """Submit the end of a deployment.

    Raises Conflict while another change is on and for a deleted one. Source: seed, DELETE /v1/deploy/[deployName].
    """
    lock_business_of(deployment)
    _lock_for_approval(by)
    deployment = lock_deployment(deployment.pk)
    _require_editable(deployment)
    shown = Operation.objects.defer("manifests", "secrets", "chart_values").get(pk=deployment.shown_id or 0)
    return _submit(deployment, Change.DELETE, shown.app_version, Made(), by=by, version=shown.version)


def _change(
    deployment: Deployment, kind: Change, version: AppVersion, values: Values, *, by: User, comment: str
) -> Operation:
    if not may_name_service(deployment.name, version):
        raise Invalid(
            version=say(
                "Version %(version)s has ports, so it gets a Service of the deployment's name "
                "'%(deployment)s', which must start with a letter.",
                version=version.version,
                deployment=deployment,
            )
        )
    made = make(deployment, version, values)
    known = deployment.current_id
    with transaction.atomic():
        lock_business_of(deployment)
        _lock_for_approval(by)
        if kind == Change.UPGRADE:
            lock_version(version)
        deployment = lock_deployment(deployment.pk)
        _require_changeable(deployment)
        if deployment.running and deployment.current is not None and deployment.current.app_version_id == version.pk:
            raise Invalid(version=say("Version %(version)s runs already.", version=version.version))
        if deployment.current_id != known:  # a whole change while a chart was rendered with the values of before
            raise _busy(deployment)
        return _submit(deployment, kind, version, made, by=by, comment=comment)


def _submit(
    deployment: Deployment,
    kind: Change,
    app_version: AppVersion | None,
    made: Made,
    *,
    by: User,
    comment: str = "",
    version: str = "",
) -> Operation:
    """Write the operation and show it; carry it out at once for an administrator. The deployment is locked."""
    account, secrets = None, made.secrets
    if made.account_id is not None:  # with the password of now: it may have changed since they were made
        account = RegistryAccount.objects.get(pk=made.account_id)
        secrets = renewed(secrets, deployment.name, account)
    operation = Operation(
        deployment=deployment,
        kind=kind,
        app_version=app_version,
        version=version or (app_version.version if app_version else ""),
        comment=comment,
        submitted_by=by,
        manifests=made.objects,
        secrets=json.dumps(secrets) if secrets else "",
        chart_values=json.dumps(made.values) if made.values else "",
        registry_account=account,
    )
    if made.failure:
        operation.status, operation.open, operation.ended_at = Status.ERROR, False, db_now()
    elif kind != Change.DELETE:
        check_free(wish(deployment, operation), deployment.bundle)
    try:
        with transaction.atomic():
            operation.save(force_insert=True)
    except IntegrityError:
        if Operation.objects.filter(deployment=deployment, open=True).exists():
            raise _busy(deployment) from None
        raise
    Deployment.objects.filter(pk=deployment.pk).update(
        shown=operation,
        status=operation.status,
        editable=bool(made.failure),
        audit_comment="",
        updated_at=Now(),
        **({"reason": made.failure} if made.failure else {}),
    )
    _write_trail(deployment, operation)
    if not made.failure and _approves_at_once(by):
        carry_out(operation, by=by)
    else:
        tell(deployment.pk)
    return operation


def _write_trail(deployment: Deployment, operation: Operation) -> None:
    verb = f"submit {Change(operation.kind).name.lower()}"
    now: dict[str, Any] = {"status": operation.status, "comment": operation.comment}
    if operation.kind == Change.NEW:
        now |= {name: getattr(deployment, name) for name in ("app_name", "cluster", "node_label")}
    entries = [of_change(verb, deployment, operation, **now | content(operation))]
    if not operation.open:
        entries.append(of_change("end", deployment, operation, status=operation.status))
    trail.write(entries)


def _busy(deployment: Deployment) -> Conflict:
    return Conflict(
        say(
            "A change of the deployment '%(deployment)s' is waiting or under way; try again when it has ended.",
            deployment=deployment,
        )
    )


def _approves_at_once(by: User) -> bool:
    return bool(settings.OTE_ADMIN_AUTO_DEPLOY) and not settings.OTE_FOUR_EYES and by.role in ADMINS


def _lock_for_approval(by: User) -> None:
    """Take the engine's lock now if it will be needed: later would be out of order."""
    if _approves_at_once(by):
        lock_placements()


def _require_editable(deployment: Deployment) -> None:
    if deployment.status == Status.DELETED:
        raise Conflict(say("The deployment '%(deployment)s' was deleted.", deployment=deployment))
    if not deployment.editable:
        raise _busy(deployment)


def _require_changeable(deployment: Deployment) -> None:
    _require_editable(deployment)
    if not deployment.live:
        raise Conflict(
            say("The deployment '%(deployment)s' was disapproved; submit it as a new one.", deployment=deployment)
        )
    if Bundle.objects.filter(deployment=deployment, ended_at__isnull=False).exists():
        raise Conflict(
            say(
                "The deployment '%(deployment)s' is being deleted; it can only be deleted again.", deployment=deployment
            )
        )
