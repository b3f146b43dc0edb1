"""`bonded project` and `bonded file`: what owners and administrators do on pages, as the operator of the index."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bonded.cli.options import directory_option, json_option, print_json

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bonded.catalog.read import File, Project

NAME = click.argument("name", metavar="PROJECT")
FILENAME = click.argument("filename")
MAY_REASON = click.option("--reason", default="", help="Kept in the journal, and shown where the state is shown.")
MUST_REASON = click.option("--reason", required=True, help="Kept in the journal, and told to the owners.")
YES = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


@click.group()
def project() -> None:
    """Projects of the index."""


@project.command("list")
@click.option("--all", "everything", is_flag=True, help="Also projects that never had a public file, and deleted ones.")
@directory_option
@json_option
def list_projects(everything: bool, directory: Path, as_json: bool) -> None:
    """List projects: normalized name, name, status."""
    from bonded.catalog import read
    from bonded.wiring import open_house

    with open_house(directory).db.read() as conn:
        listed = {key for key, _ in read.project_keys(conn)}
        found = [p for p in read.projects(conn) if everything or p.key in listed]
    if as_json:
        print_json([_project_json(p) for p in found])
        return
    for p in found:
        click.echo(f"{p.key}\t{p.name}\t{'deleted' if p.deleted else p.status}")


@project.command("show")
@NAME
@directory_option
@json_option
def show(name: str, directory: Path, as_json: bool) -> None:
    """Show a project: status, owners and maintainers, and its files with their states."""
    from bonded.accounts import people
    from bonded.catalog import read
    from bonded.wiring import open_house

    with open_house(directory).db.read() as conn:
        found = _project(conn, name)
        roles = read.roles(conn, found.id)
        names = people.names(conn, {user_id for user_id, _ in roles})
        files = read.files(conn, found.id)
    who = [{"name": names.get(user_id, user_id), "role": str(role)} for user_id, role in roles]
    if as_json:
        print_json(_project_json(found) | {"roles": who, "files": [_file_json(f) for f in files]})
        return
    click.echo(f"{found.name} ({'deleted' if found.deleted else found.status}) {found.status_reason}".rstrip())
    for one in who:
        click.echo(f"{one['role']}\t{one['name']}")
    for f in files:
        click.echo(f"{f.filename}\t{f.state}{', yanked' if f.yanked else ''}\t{f.size}\t{f.sha256}")


def _status_command(command: str, action: str, status: str, help: str, reason: Callable[[Any], Any]) -> None:
    """Add a command that gives a project a status."""

    @project.command(command, help=help)
    @NAME
    @reason
    @directory_option
    def run(name: str, reason: str, directory: Path) -> None:
        from bonded.catalog.change import set_status
        from bonded.values.names import normalize
        from bonded.values.states import ProjectStatus
        from bonded.values.who import OPERATOR
        from bonded.wiring import open_house

        house = open_house(directory)
        with house.db.write() as tx:
            set_status(tx, action, OPERATOR, normalize(name), ProjectStatus(status), reason=reason, now=house.clock())
        click.echo(f"{normalize(name)} is {status} now", err=True)


_status_command("archive", "project.archive", "archived", "No further releases are to be expected.", MAY_REASON)
_status_command("unarchive", "project.unarchive", "active", "Take a project out of the archive.", MAY_REASON)
_status_command("deprecate", "project.deprecate", "deprecated", "Tell people to use something else.", MAY_REASON)
_status_command("undeprecate", "project.undeprecate", "active", "Take back a deprecation.", MAY_REASON)
_status_command(
    "quarantine", "review.quarantine-project", "quarantined", "Withdraw all files of a project at once.", MUST_REASON
)
_status_command("release", "review.release-project", "active", "End the quarantine of a project.", MUST_REASON)


@project.command("delete")
@NAME
@MAY_REASON
@YES
@directory_option
def delete(name: str, reason: str, yes: bool, directory: Path) -> None:
    """Withdraw a project and remove all its files for good."""
    from bonded.catalog import change
    from bonded.values.names import normalize
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    _sure(yes, f"Remove the project {name} with all its files, for good?")
    house = open_house(directory)
    with house.db.write() as tx:
        change.delete_project(tx, OPERATOR, normalize(name), reason=reason, now=house.clock())
    click.echo(f"{normalize(name)} is deleted", err=True)


@project.group("owner")
def owner() -> None:
    """Owners and maintainers of a project."""


@owner.command("list")
@NAME
@directory_option
@json_option
def owner_list(name: str, directory: Path, as_json: bool) -> None:
    """List who has a role in a project."""
    from bonded.accounts import people
    from bonded.catalog import read
    from bonded.wiring import open_house

    with open_house(directory).db.read() as conn:
        roles = read.roles(conn, _project(conn, name).id)
        names = people.names(conn, {user_id for user_id, _ in roles})
    who = [{"name": names.get(user_id, user_id), "role": str(role)} for user_id, role in roles]
    if as_json:
        print_json(who)
        return
    for one in who:
        click.echo(f"{one['role']}\t{one['name']}")


ROLE = click.option("--role", type=click.Choice(["owner", "maintainer"]), default="owner", show_default=True)


@owner.command("add")
@NAME
@click.argument("user")
@ROLE
@directory_option
def owner_add(name: str, user: str, role: str, directory: Path) -> None:
    """Give USER a role in a project."""
    _change_role(name, user, role, directory, add=True)


@owner.command("remove")
@NAME
@click.argument("user")
@ROLE
@directory_option
def owner_remove(name: str, user: str, role: str, directory: Path) -> None:
    """Take a role away from USER."""
    _change_role(name, user, role, directory, add=False)


def _change_role(name: str, user: str, role: str, directory: Path, *, add: bool) -> None:
    from bonded.accounts import people
    from bonded.catalog import change
    from bonded.values.names import normalize
    from bonded.values.states import Role
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house = open_house(directory)
    act = change.add_role if add else change.remove_role
    with house.db.write() as tx:
        act(tx, OPERATOR, normalize(name), people.need(tx, user).id, Role(role), now=house.clock())
    click.echo(f"{user} is {'now' if add else 'no longer'} {role} of {normalize(name)}", err=True)


@click.group()
def file() -> None:
    """Files of the index."""


@file.command("yank")
@FILENAME
@MAY_REASON
@directory_option
def yank(filename: str, reason: str, directory: Path) -> None:
    """Tell installers not to choose a file unless it is asked for exactly."""
    _change_file("yank", filename, reason, directory)


@file.command("unyank")
@FILENAME
@MAY_REASON
@directory_option
def unyank(filename: str, reason: str, directory: Path) -> None:
    """Take back a yank."""
    _change_file("unyank", filename, reason, directory)


@file.command("delete")
@FILENAME
@MAY_REASON
@YES
@directory_option
def delete_file(filename: str, reason: str, yes: bool, directory: Path) -> None:
    """Remove a file for good; its name is never used again if it was ever public."""
    _sure(yes, f"Remove {filename} for good?")
    _change_file("delete_file", filename, reason, directory)


def _change_file(act: str, filename: str, reason: str, directory: Path) -> None:
    from bonded.catalog import change, read
    from bonded.catalog.rules import NO_SUCH_FILE
    from bonded.values.refusals import Refusal
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.write() as tx:
        found = read.file_by_name(tx, filename)
        if found is None:
            raise Refusal(NO_SUCH_FILE, f"there is no file {filename}")
        getattr(change, act)(tx, OPERATOR, found.id, reason=reason, now=house.clock())
    done = {"yank": "yanked", "unyank": "no longer yanked", "delete_file": "deleted"}[act]
    click.echo(f"{filename} is {done}", err=True)


def _sure(yes: bool, question: str) -> None:
    if not yes:
        click.confirm(question, abort=True, err=True)


def _project(conn: Connection, name: str) -> Project:
    from bonded.catalog import read
    from bonded.catalog.rules import NO_SUCH_PROJECT
    from bonded.values.names import normalize
    from bonded.values.refusals import Refusal

    found = read.project(conn, normalize(name))
    if found is None:
        raise Refusal(NO_SUCH_PROJECT, f"there is no project {name}")
    return found


def _project_json(p: Project) -> dict[str, Any]:
    return {
        "key": p.key,
        "name": p.name,
        "status": str(p.status),
        "status_reason": p.status_reason,
        "deleted": p.deleted,
        "created_at": p.created_at,
    }


def _file_json(f: File) -> dict[str, Any]:
    return {
        "filename": f.filename,
        "version": f.version,
        "packagetype": str(f.packagetype),
        "state": str(f.state),
        "state_reason": f.state_reason,
        "size": f.size,
        "sha256": f.sha256,
        "yanked": f.yanked,
        "yanked_reason": f.yanked_reason,
        "uploaded_at": f.uploaded_at,
    }
