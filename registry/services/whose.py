"""Whose projects a caller may reach. Reads are made by our own account, so nothing but this keeps tenants apart there;
writes are made by the project's owner, so that Harbor would refuse what slipped through here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from business.services import own_business
from otestack.errors import Conflict, NotFound
from otestack.sentences import say
from registry.harbor import Harbor, Login, Project
from registry.harbor.names import is_project
from registry.harbor.trouble import Missing
from registry.models import RegistryAccount

if TYPE_CHECKING:
    from accounts.models import User

NO_ACCOUNT = say("The business has no registry account; create it first.")


@dataclass(frozen=True)
class Scope:
    """account: the own business's, if it has one. everything: a system administrator reaches all by name and id."""

    account: RegistryAccount | None
    everything: bool

    def reaches(self, project: Project) -> bool:
        """Tell whether a project is the caller's to see and change."""
        return self.everything or (self.account is not None and project.owner_id == self.account.harbor_user_id)

    def require(self, project: Project) -> Project:
        """Return the project. Raises NotFound for another's, as for one that does not exist."""
        if not self.reaches(project):
            raise NotFound
        return project

    def own_account(self) -> RegistryAccount:
        """Return the own account. Raises Conflict where there is none."""
        if self.account is None:
            raise Conflict(NO_ACCOUNT)
        return self.account

    def require_writer(self) -> None:
        """Raise Conflict for who has no account and so owns nothing."""
        if not self.everything:
            self.own_account()


def scope_of(by: User) -> Scope:
    """Return what a caller may reach."""
    account = RegistryAccount.objects.ready().filter(business=own_business(by)).first()
    return Scope(account, everything=by.is_superuser)


def find_project(harbor: Harbor, name: str) -> Project:
    """Return a project by name, whoever's. Raises NotFound."""
    if not is_project(name):
        raise NotFound
    try:
        return harbor.project(name)
    except Missing:
        raise NotFound from None


def login_of(account: RegistryAccount) -> Login:
    """Return the login of an account."""
    return Login(account.user, account.password)


@dataclass(frozen=True)
class Owners:
    """Accounts of ours by their ids in Harbor; whoever else owns a project there is nobody of ours."""

    accounts: dict[int, RegistryAccount]

    def login(self, project: Project) -> Login | None:
        """Return the login of a project's owner."""
        account = self.accounts.get(project.owner_id)
        return login_of(account) if account else None

    def business(self, project: Project) -> int | None:
        """Return the id of the business that owns a project."""
        account = self.accounts.get(project.owner_id)
        return account.business_id if account else None


def owners(projects: Collection[Project]) -> Owners:
    """Return the projects' owners."""
    accounts = RegistryAccount.objects.filter(harbor_user_id__in={project.owner_id for project in projects})
    return Owners({account.harbor_user_id or 0: account for account in accounts})
