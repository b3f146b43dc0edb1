"""`bonded project` and `bonded file`: invitations, releases that two owners agree to, critical projects."""

from __future__ import annotations

from pathlib import Path

import click

from bonded.cli.index import FILENAME, NAME, file, owner, project
from bonded.cli.options import directory_option, json_option, print_json

ON_OFF = click.argument("wanted", type=click.Choice(["on", "off"]))

__all__ = ["file", "project"]


@owner.command("invite")
@NAME
@click.argument("user")
@click.option("--role", type=click.Choice(["owner", "maintainer"]), default="maintainer", show_default=True)
@directory_option
def invite(name: str, user: str, role: str, directory: Path) -> None:
    """Invite USER to a role in a project: they get a mail, and have the role once they accept."""
    from bonded.accounts import people
    from bonded.catalog import invitations
    from bonded.values.names import normalize
    from bonded.values.states import Role
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.write() as tx:
        person = people.need(tx, user)
        invitations.invite(tx, OPERATOR, normalize(name), person.id, Role(role), now=house.clock())
    click.echo(f"{user} is invited to be {role} of {normalize(name)}", err=True)


@project.command("two-owners")
@NAME
@ON_OFF
@directory_option
def two_owners(name: str, wanted: str, directory: Path) -> None:
    """Have each release of a project approved by a second owner (on), or no more (off), as the operator."""
    from bonded.catalog import change_two_owners
    from bonded.values.names import normalize
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house = open_house(directory)
    act = change_two_owners.start if wanted == "on" else change_two_owners.end
    with house.db.write() as tx:
        act(tx, OPERATOR, normalize(name), now=house.clock())
    words = "need" if wanted == "on" else "no longer need"
    click.echo(f"releases of {normalize(name)} {words} the approval of a second owner", err=True)


@project.command("waiting")
@NAME
@directory_option
@json_option
def waiting(name: str, directory: Path, as_json: bool) -> None:
    """List the files of a project that wait for a second owner."""
    from bonded.catalog import change_two_owners
    from bonded.catalog.locks import lock_project
    from bonded.values.names import normalize
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.write() as tx:
        found = change_two_owners.waiting(tx, lock_project(tx, normalize(name)))
    if as_json:
        print_json([{"filename": one.filename, "state": str(one.state), "sha256": one.sha256} for one in found])
        return
    for one in found:
        click.echo(f"{one.filename}\t{one.state}\t{one.sha256}")


@project.command("critical")
@NAME
@ON_OFF
@click.option("--reason", required=True, help="Kept in the journal, and told to the people of the project.")
@directory_option
def critical(name: str, wanted: str, reason: str, directory: Path) -> None:
    """Count a project among those on which much depends (on), or no more (off): see `bonded policy`."""
    from bonded.catalog.critical import mark
    from bonded.values.names import normalize
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.write() as tx:
        mark(tx, OPERATOR, normalize(name), critical=wanted == "on", reason=reason, now=house.clock())
    click.echo(f"{normalize(name)} counts as critical{'' if wanted == 'on' else ' no more'}", err=True)


@file.command("approve")
@FILENAME
@directory_option
def approve(filename: str, directory: Path) -> None:
    """Approve a file that waits for a second owner, as the operator."""
    _consent(filename, directory, None)


@file.command("decline")
@FILENAME
@click.option("--reason", required=True, help="Kept in the journal, and told to the owners.")
@directory_option
def decline(filename: str, reason: str, directory: Path) -> None:
    """Decline a file that waits for a second owner, as the operator."""
    _consent(filename, directory, reason)


def _consent(filename: str, directory: Path, reason: str | None) -> None:
    from bonded.catalog import change_two_owners, read
    from bonded.catalog.rules import NO_SUCH_FILE
    from bonded.review.cases import close_if_settled
    from bonded.values.refusals import Refusal
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.write() as tx:
        found, now = read.file_by_name(tx, filename), house.clock()
        if found is None:
            raise Refusal(NO_SUCH_FILE, f"there is no file {filename}")
        if reason is None:
            public = change_two_owners.approve(tx, OPERATOR, found.id, now=now)
            words = "approved, and public" if public else "approved; screening or reviewers are waited for"
        else:
            change_two_owners.decline(tx, OPERATOR, found.id, reason=reason, now=now)
            words = "declined"
            if found.case_id is not None:
                close_if_settled(tx, found.case_id, now=now)
    click.echo(f"{filename} is {words}", err=True)
