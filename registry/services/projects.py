"""Projects of the registry (seed: Repository Management 7 to 9)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings

from otestack import trail
from otestack.errors import Conflict, Forbidden, Invalid, NotFound
from otestack.sentences import say
from registry.harbor import Page, Project, connect
from registry.harbor.names import can_hold
from registry.harbor.trouble import NotAllowed, NotLoggedIn, Taken, Unacceptable
from registry.services.batches import STALE_LOGIN, Deletion, delete_all
from registry.services.whose import login_of, owners, scope_of

if TYPE_CHECKING:
    from accounts.models import User

_NOT_EMPTY = say("It still holds images; delete them first.")


def projects(by: User, *, part: str, public: bool | None, page: int, size: int) -> Page[Project]:
    """Return a page of the caller's projects; of all for a system administrator. part: of their names.

    Source: seed, GET /v1/repository/project.
    """
    harbor = connect()
    scope = scope_of(by)
    if scope.account is None and not scope.everything:
        return Page([], 0)
    owner = None if scope.everything or scope.account is None else scope.account.harbor_user_id
    if not can_hold(part):
        return Page([], 0)
    listing = partial(harbor.projects, page, size, owner_id=owner, part=part.lower(), public=public)
    found, _ = harbor.together(listing, harbor.require_login)
    result: Page[Project] = found
    return result


def create_project(by: User, *, name: str, public: bool) -> None:
    """Create a project of the own business's account, by that account: so Harbor knows it as the owner.

    Raises Invalid for a public one where only private ones are wanted, Conflict for a taken name or without an account,
    Forbidden where Harbor keeps creation to its administrators. Source: seed, POST /v1/repository/project.
    """
    if public and settings.OTE_PRIVATE_PROJECT:
        raise Invalid(public=say("Public projects are not allowed here."))
    harbor = connect()
    account = scope_of(by).own_account()
    try:
        harbor.create_project(name, public=public, login=login_of(account))
    except Taken:
        raise Conflict(say("There is a project '%(name)s' already.", name=name)) from None
    except Unacceptable:
        raise Invalid(projectName=say("The registry does not accept this name.")) from None
    except NotLoggedIn:
        raise Conflict(STALE_LOGIN) from None
    except NotAllowed:
        raise Forbidden(say("The registry lets only its own administrators create projects.")) from None
    made = trail.of("project", "", name, "create", business=account.business_id, after={"public": public})
    trail.write([made])


def delete_projects(by: User, ids: Sequence[int]) -> Deletion[int]:
    """Delete projects, each by its owner's account. Source: seed, DELETE /v1/repository/project."""
    harbor = connect()
    scope = scope_of(by)
    scope.require_writer()
    found, _ = harbor.together(partial(harbor.projects_by_id, ids), harbor.require_login)
    mine: dict[int, Project] = {number: project for number, project in found.items() if scope.reaches(project)}
    owned = owners(mine.values())
    wanted = {
        number: partial(harbor.delete_project, number, owned.login(mine[number])) if number in mine else NotFound()
        for number in ids
    }
    outcome = delete_all(harbor, wanted.items(), _NOT_EMPTY)
    # The registry has done it by now: the trail can only follow.
    trail.write(
        [
            trail.of("project", number, mine[number].name, "delete", business=owned.business(mine[number]))
            for number in outcome.deleted
        ]
    )
    return outcome
