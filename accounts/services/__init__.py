"""Every change of users and tokens. Callers have established who may call; what the state allows is checked here.

sessions   log in, renew, log out
making     new users
passwords  changed, or given anew
deciding   approved, refused, forbidden, deleted
roles      the business, and what one is there
checks     what several of these check and lock: a business before users, users in the order of their ids
"""

from accounts.services.deciding import audit, delete
from accounts.services.making import create_member, create_sub_user, ensure_system_admin, register
from accounts.services.passwords import change_password, reset_password
from accounts.services.roles import make_system_admin, move, remove_system_admin, set_business
from accounts.services.sessions import login, logout, renew

__all__ = [
    "audit",
    "change_password",
    "create_member",
    "create_sub_user",
    "delete",
    "ensure_system_admin",
    "login",
    "logout",
    "make_system_admin",
    "move",
    "register",
    "remove_system_admin",
    "renew",
    "reset_password",
    "set_business",
]
