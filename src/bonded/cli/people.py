"""`bonded user` and `bonded token`: people and API tokens, as the operator of the index."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bonded.cli.options import directory_option, json_option, print_json

if TYPE_CHECKING:
    from bonded.accounts.people import User
    from bonded.accounts.tokens import Token
    from bonded.wiring import House

LINK_LIFETIME = timedelta(days=1)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class Duration(click.ParamType[timedelta]):
    """A number with h, d or w."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"([1-9]\d{0,4})([hdw])", str(value))
        if not found:
            self.fail(f"{value!r} is not a duration such as 12h, 90d or 4w", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


@click.group()
def user() -> None:
    """People."""


@user.command("create")
@click.argument("name")
@click.option("--email", required=True, help="Where mails about the account go.")
@click.option("--admin", is_flag=True, help="Make an administrator.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, one line.")
@directory_option
def create_user(name: str, email: str, admin: bool, password_stdin: bool, directory: Path) -> None:
    """Make an account. Without --password-stdin, prints a one-time link to set the password."""
    from bonded.accounts import links, passwords, people
    from bonded.values.who import OPERATOR

    house = _open(directory)
    password = _password() if password_stdin else ""
    hashed = ""
    if password_stdin:
        passwords.check_new(password, name, house.ranges)
        hashed = passwords.hash_password(password)
    now, secret = house.clock(), ""
    with house.db.write() as tx:
        made = people.create(tx, OPERATOR, name, email, is_admin=admin, now=now)
        if hashed:
            passwords.store(tx, OPERATOR, "user.set-password", made.id, hashed, keep_session=None, now=now)
        else:
            secret = links.make_link(tx, made.id, links.Purpose.SET_PASSWORD, now=now, lifetime=LINK_LIFETIME)
    if secret:
        _print_link(house, name, secret)
    else:
        click.echo(f"made the account {name}", err=True)


@user.command("link")
@click.argument("name")
@directory_option
def link(name: str, directory: Path) -> None:
    """Print a one-time link with which NAME sets a new password."""
    from bonded.accounts import links, people

    house = _open(directory)
    with house.db.write() as tx:
        person = people.need(tx, name)
        purpose = links.Purpose.SET_PASSWORD
        secret = links.make_link(tx, person.id, purpose, now=house.clock(), lifetime=LINK_LIFETIME)
    _print_link(house, name, secret)


@user.command("invite")
@click.argument("email")
@directory_option
def invite(email: str, directory: Path) -> None:
    """Print a one-time link with which the person of EMAIL registers, where `registration.mode` asks for invitations."""
    from bonded.accounts import registration_invitations
    from bonded.values.who import OPERATOR

    house = _open(directory)
    with house.db.write() as tx:
        secret = registration_invitations.make(tx, OPERATOR, email, now=house.clock())
    click.echo(f"{house.settings.url.rstrip('/')}/account/register/?invitation={secret}")
    click.echo("this link registers one person with that address; it works once, for two weeks", err=True)


@user.command("list")
@directory_option
@json_option
def list_users(directory: Path, as_json: bool) -> None:
    """List accounts by name."""
    from bonded.accounts import people

    house = _open(directory)
    with house.db.read() as conn:
        everyone = people.everyone(conn)
    if as_json:
        print_json([_user_json(person) for person in everyone])
        return
    for person in everyone:
        marks = [str(person.state)] + (["administrator"] if person.is_admin else [])
        click.echo(f"{person.name}\t{person.email}\t{', '.join(marks)}")


@user.command("freeze")
@click.argument("name")
@click.option("--reason", required=True)
@directory_option
def freeze(name: str, reason: str, directory: Path) -> None:
    """Freeze an account: sessions end, tokens do not work."""
    _turn("freeze", name, reason, directory)


@user.command("unfreeze")
@click.argument("name")
@click.option("--reason", required=True)
@directory_option
def unfreeze(name: str, reason: str, directory: Path) -> None:
    """Let a frozen account work again."""
    _turn("unfreeze", name, reason, directory)


@click.group()
def token() -> None:
    """API tokens."""


@token.command("create")
@click.argument("user_name", metavar="USER")
@click.option("--project", "projects", multiple=True, help="Limit to a project; may be given again.")
@click.option("--expires", type=Duration(), default="90d", show_default=True, help="Lifetime: 12h, 90d, 4w.")
@click.option(
    "--permission", "permissions", multiple=True, default=("upload",), show_default=True, help="May be given again."
)
@click.option("--network", "networks", multiple=True, help="Only from this address or range; may be given again.")
@click.option(
    "--first-upload", is_flag=True, help="For one new project, made by the first upload, and for that one alone."
)
@click.option("--name", default="", help="Name of the token in lists; by default one that says when it was made.")
@directory_option
def create_token(
    user_name: str,
    projects: tuple[str, ...],
    expires: timedelta,
    permissions: tuple[str, ...],
    networks: tuple[str, ...],
    first_upload: bool,
    name: str,
    directory: Path,
) -> None:
    """Make an API token for USER and print it, and nothing else, on standard output."""
    from bonded.accounts import people, tokens
    from bonded.values.text import new_id
    from bonded.values.who import OPERATOR

    house = _open(directory)
    now = house.clock()
    with house.db.write() as tx:
        _, text = tokens.mint(
            tx,
            OPERATOR,
            people.need(tx, user_name),
            sealer=house.sealer,
            name=name or f"operator {now:%Y-%m-%d} {new_id()[:6]}",
            projects=projects,
            permissions=permissions,
            networks=networks,
            first_upload=first_upload,
            expires_at=now + expires,
            operator=True,
            now=now,
        )
    click.echo(text)


@token.command("list")
@click.argument("user_name", metavar="USER")
@directory_option
@json_option
def list_tokens(user_name: str, directory: Path, as_json: bool) -> None:
    """List USER's tokens, newest first: id, name, state, limits, last use."""
    from bonded.accounts import people, tokens

    house = _open(directory)
    with house.db.read() as conn:
        found = tokens.of_user(conn, people.need(conn, user_name).id)
    rows = [_token_json(one, house) for one in found]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        whole = "one new project" if row["first_upload"] else "all projects"
        limits = ", ".join(row["projects"]) or whole
        click.echo("\t".join((row["id"], row["name"], row["state"], limits, row["used_at"] or "never used")))


@token.command("revoke")
@click.argument("token_id", metavar="ID")
@directory_option
def revoke_token(token_id: str, directory: Path) -> None:
    """Revoke the token with that id (see `bonded token list`) at once."""
    from bonded.accounts import tokens
    from bonded.values.who import OPERATOR

    house = _open(directory)
    with house.db.write() as tx:
        tokens.revoke(tx, OPERATOR, token_id, user_id=None, now=house.clock())
    click.echo("revoked", err=True)


@token.command("narrow")
@click.option("--project", "projects", multiple=True, help="Only for this project; may be given again.")
@click.option("--permission", "permissions", multiple=True, help="Only for this; may be given again.")
@click.option("--network", "networks", multiple=True, help="Only from this network (CIDR); may be given again.")
@click.option("--expires", type=Duration(), help="Only for so long from now.")
def narrow_token(
    projects: tuple[str, ...], permissions: tuple[str, ...], networks: tuple[str, ...], expires: timedelta | None
) -> None:
    """Read a token from standard input and print one that may do less. Works offline; the first one is unchanged."""
    from bonded.accounts import caveats, macaroon
    from bonded.wiring import wall_clock

    now = wall_clock()
    rules = [
        caveats.for_projects(projects) if projects else "",
        caveats.for_permissions(permissions) if permissions else "",
        caveats.until(now + expires, now - timedelta(minutes=5)) if expires else "",
    ]
    try:
        rules.append(caveats.from_networks(networks) if networks else "")
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--network") from None
    click.echo(macaroon.narrow(sys.stdin.readline(), [rule for rule in rules if rule]))


def _open(directory: Path) -> House:
    from bonded.wiring import open_house

    return open_house(directory)


def _password() -> str:
    return sys.stdin.readline().rstrip("\r\n")


def _print_link(house: House, name: str, secret: str) -> None:
    click.echo(f"{name} sets a password here, once, within a day:", err=True)
    click.echo(f"{house.settings.url.rstrip('/')}/account/set-password/{secret}/")


def _turn(act: str, name: str, reason: str, directory: Path) -> None:
    from bonded.accounts import people
    from bonded.values.who import OPERATOR

    house = _open(directory)
    acts = {"freeze": people.freeze, "unfreeze": people.unfreeze}
    with house.db.write() as tx:
        acts[act](tx, OPERATOR, people.need(tx, name).id, reason=reason, now=house.clock())
    click.echo(f"{act}: {name}", err=True)


def _user_json(person: User) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "state": person.state,
        "is_admin": person.is_admin,
        "has_password": person.has_password,
        "created_at": person.created_at,
    }


def _token_json(one: Token, house: House) -> dict[str, Any]:
    state = "revoked" if one.revoked_at else "live" if one.live(house.clock()) else "expired"
    return {
        "id": one.id,
        "name": one.name,
        "state": state,
        "projects": list(one.projects),
        "permissions": sorted(one.permissions),
        "operator": one.operator,
        "first_upload": one.first_upload,
        "stale": one.stale(house.clock()),
        "created_at": one.created_at.isoformat(),
        "expires_at": one.expires_at.isoformat(),
        "used_at": one.used_at.isoformat() if one.used_at else None,
    }
