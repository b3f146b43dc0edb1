"""Every change of the catalogue: one function each, which changes state and records it in the caller's transaction.

Rows are locked and re-read first, so a decision made on an old page is refused instead of done twice.
"""

from bonded.catalog.change_files import delete_file, move_file, unyank, yank
from bonded.catalog.change_projects import create_project, delete_project, set_status
from bonded.catalog.change_roles import add_role, leave, remove_role

__all__ = [
    "add_role",
    "create_project",
    "delete_file",
    "delete_project",
    "leave",
    "move_file",
    "remove_role",
    "set_status",
    "unyank",
    "yank",
]
