"""`bonded user` and `bonded policy`: personal data, deleting accounts, lost factors, who needs a second factor."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bonded.cli.options import directory_option, json_option, print_json
from bonded.cli.people import token, user

__all__ = ["policy", "token", "user"]


@user.command("export")
@click.argument("name")
@click.option("--format", "form", type=click.Choice(["zip", "json"]), default="json", show_default=True)
@directory_option
def export(name: str, form: str, directory: Path) -> None:
    """Write everything that is stored about NAME to standard output."""
    from bonded.accounts import people
    from bonded.journal import record
    from bonded.ops.personal_data import as_json, as_zip, collect
    from bonded.values.states import SubjectKind
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.write() as tx:
        person, now = people.need(tx, name), house.clock()
        subject = (SubjectKind.USER, person.id)
        record(tx, "account.export", OPERATOR, subject, now=now, user=person.id, facts={"format": form})
    with house.db.read() as conn:
        found = collect(conn, person)
    body = as_json(found, now) if form == "json" else as_zip(found, house.settings.name, person.name, now)
    sys.stdout.buffer.write(body)


@user.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@directory_option
def delete(name: str, yes: bool, directory: Path) -> None:
    """Delete the account NAME for good, as its owner asked for. What it published stays; nobody gets the name again."""
    from bonded.accounts import people
    from bonded.ops.delete_account import delete_account
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    if not yes:
        click.confirm(f"Delete the account {name} for good?", abort=True, err=True)
    house = open_house(directory)
    with house.db.write() as tx:
        delete_account(tx, OPERATOR, people.need(tx, name), now=house.clock())
    click.echo(f"the account {name} is deleted", err=True)


@user.command("recoveries")
@directory_option
@json_option
def recoveries(directory: Path, as_json: bool) -> None:
    """List requests of people who lost all second factors: account, where it stands, when to decide."""
    from bonded.accounts import people, recovery_request
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.read() as conn:
        found = recovery_request.open_ones(conn)
        names = people.names(conn, {one.user_id for one in found})
    now = house.clock()
    rows = [
        {
            "id": one.id,
            "account": names.get(one.user_id, one.user_id),
            "state": str(one.state),
            "waits_until": one.waits_until,
            "decide_until": one.answer_by,
            "overdue": one.overdue(now),
        }
        for one in found
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        late = "overdue" if row["overdue"] else ""
        click.echo("\t".join(str(part or "") for part in (row["id"], row["account"], row["state"], late)))


@click.group()
def policy() -> None:
    """Who must have a second factor."""


@policy.command("show")
@directory_option
@json_option
def show(directory: Path, as_json: bool) -> None:
    """Show the policy of second factors, and how people stand."""
    from bonded.accounts import factor_policy
    from bonded.catalog.critical import critical_keys
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.read() as conn:
        known, standing, keys = factor_policy.current(conn), factor_policy.standing(conn), critical_keys(conn)
    values = {
        "of_managers": house.settings.account.second_factor,
        "everybody": known.everybody,
        "critical_devices": known.critical_devices,
        "critical_projects": keys,
        "people": standing.people,
        "with_second_factor": standing.with_factor,
        "with_security_device": standing.with_device,
    }
    if as_json:
        print_json(values)
        return
    for name, value in values.items():
        click.echo(f"{name}\t{', '.join(value) if isinstance(value, list) else value}")


@policy.command("key")
@click.option("--accept", is_flag=True, help="From now on the key on this host is the one; what others sealed is lost.")
@click.option("--reason", default="", help="Why, for the journal; needed with --accept.")
@directory_option
def key(accept: bool, reason: str, directory: Path) -> None:
    """Whether this host has the key that secrets are sealed with (setting account.key_file). Exit status 1 when not.

    With --accept, when the key is lost for good: API tokens, webhooks and authentication apps of before stay unreadable, and
    people make new ones.
    """
    from bonded.accounts import key_proof
    from bonded.catalog.rules import check_reason
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house
    from bonded.wiring.stores import OTHER_KEY

    house = open_house(directory)
    if accept:
        words = check_reason("keys.accounts", reason)
        with house.db.write() as tx:
            key_proof.accept(tx, OPERATOR, house.new_sealer(), reason=words, now=house.clock())
        click.echo("this host's key seals secrets from now on: copy the file to all other hosts, and start them again")
        return
    with house.db.read() as conn:
        good = key_proof.agrees(conn, house.sealer)
    if not good:
        raise click.ClickException(OTHER_KEY)
    click.echo("this host has the key that secrets are sealed with")


@policy.command("factors")
@click.option("--everybody/--not-everybody", default=None, help="Ask a second factor of everybody.")
@click.option(
    "--critical-devices/--no-critical-devices",
    default=None,
    help="Ask a security device of whoever works on a critical project.",
)
@click.option("--reason", required=True, help="Kept in the journal, and told to administrators.")
@directory_option
def factors(everybody: bool | None, critical_devices: bool | None, reason: str, directory: Path) -> None:
    """Change who must have a second factor. What is not named stays as it is."""
    from bonded.accounts import factor_policy
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.write() as tx:
        known = factor_policy.current(tx)
        wanted = factor_policy.FactorPolicy(
            known.everybody if everybody is None else everybody,
            known.critical_devices if critical_devices is None else critical_devices,
        )
        factor_policy.choose(tx, OPERATOR, wanted, reason=reason, now=house.clock())
    click.echo("the policy is changed", err=True)
