"""Every change of registries, and what of them a caller may reach.

whose     own account, own projects: the scope that every call passes
accounts  a business's user in our registry
projects  its projects
images    what lies in them
batches   deleting several things at once
external  accounts of registries that are not ours, in our own database
"""

from registry.services.accounts import change_password, close_account, create_account, on_password
from registry.services.batches import Deletion
from registry.services.external import create_external, delete_external
from registry.services.images import delete_images, delete_tags, images, tags
from registry.services.projects import create_project, delete_projects, projects

__all__ = [
    "Deletion",
    "change_password",
    "close_account",
    "create_account",
    "create_external",
    "create_project",
    "delete_external",
    "delete_images",
    "delete_projects",
    "delete_tags",
    "images",
    "on_password",
    "projects",
    "tags",
]
