"""`bonded tuf rotate` and `bonded tuf resize`: other keys, other numbers of bins, in steps that a publisher releases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bonded.cli.options import directory_option
from bonded.wiring import House, open_house, public_key

if TYPE_CHECKING:
    from bonded.tuf.offline import KeySet, Offline, Step, StepValues
    from bonded.tuf.steps import StepSequence

CEREMONY = """\
the offline keys of this index are not on this host, and must not be. Hold a ceremony: `bonded tuf export FILE` here,
`bonded tuf ceremony FOLDER --index FILE` where the signers are, then `bonded tuf rotate --bundle BUNDLE` here."""
WAIT = click.option(
    "--wait",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long clients and caches may use what they have read. Default: the setting tuf.sweep_grace.",
)


@contextmanager
def refused() -> Iterator[None]:
    """What cannot be becomes one sentence and exit status 1."""
    from bonded.seams import SignerUnusable
    from bonded.tuf.offline import BadBinCount, BadKeys
    from bonded.tuf.steps import BadSteps
    from bonded.tuf.transcript import CeremonyRefused
    from bonded.tuf.trust import Untrusted

    try:
        yield
    except (BadBinCount, BadKeys, BadSteps, CeremonyRefused, SignerUnusable, Untrusted) as error:
        raise click.ClickException(f"{error}\nNothing was changed.") from error


def change_of(house: House) -> dict[str, Any] | None:
    """The newest change of keys or bins and where it stands, for `bonded tuf status`; None when there was never one."""
    from sqlalchemy.exc import SQLAlchemyError

    from bonded.tuf.steps_rows import newest

    try:
        with house.db.read() as conn:
            found = newest(conn)
    except SQLAlchemyError:
        return None
    if found is None:
        return None
    change, state = found
    steps = [{"name": step.name, "released": at < change.at} for at, step in enumerate(change.steps)]
    return {"kind": change.kind, "state": state, "since": change.since, "says": change.says, "steps": steps}


def print_change(change: dict[str, Any] | None) -> None:
    """The same as text."""
    if change is None:
        return
    steps = ", ".join(f"{step['name']}{' (released)' if step['released'] else ''}" for step in change["steps"])
    click.echo(f"change of keys or bins: {change['kind']}, {change['state']}: {steps}")
    if change["state"] == "running":
        click.echo(f"  {change['says']}")


@click.command()
@click.argument("what", type=click.Choice(["online-key", "root-keys", "offline-keys"]), required=False)
@directory_option
@click.option("--key", "uri", metavar="URI", help="The new online key, which exists already, as in signer.keys.")
@click.option("--keys", type=click.IntRange(1, 20), default=1, show_default=True, help="How many new offline keys.")
@click.option(
    "--threshold", type=click.IntRange(1, 20), default=1, show_default=True, help="How many of them must sign."
)
@click.option(
    "--bundle", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Steps that a ceremony signed."
)
@click.option("--cancel", is_flag=True, help="Give up the change that is under way; what was released stays.")
@WAIT
def rotate(
    what: str | None,
    directory: Path,
    uri: str | None,
    keys: int,
    threshold: int,
    bundle: Path | None,
    cancel: bool,
    wait: float | None,
) -> None:
    """Change keys in steps, so that no client ever meets a file it must refuse. A running publisher releases them.

    With development keys the steps are signed at once; otherwise they come as the --bundle of a ceremony. `bonded tuf
    status` shows how far it is.
    """
    if (what is not None) + (bundle is not None) + cancel != 1:
        raise click.UsageError("say what to change (online-key, root-keys, offline-keys), or --bundle, or --cancel")
    house = open_house(directory)
    with refused():
        if cancel:
            _cancel(house)
        elif bundle is not None:
            begin_bundle(house, bundle, wait)
        else:
            _dev_change(house, str(what), uri, keys, threshold, wait)


@click.command()
@directory_option
@click.option("--page-bins", type=click.IntRange(2, 65_536), help="Bins for project pages (a power of two).")
@click.option("--bins", type=click.IntRange(2, 65_536), help="Bins for files (a power of two).")
@WAIT
def resize(directory: Path, page_bins: int | None, bins: int | None, wait: float | None) -> None:
    """Change the number of bins while the index is used. A running publisher does it in the background.

    With development keys the step is signed at once; otherwise it comes from a ceremony: `bonded tuf rotate --bundle`.
    """
    from bonded.tuf.resize import resize as plan
    from bonded.tuf.rotate import live_offline

    house = open_house(directory)
    with refused():
        base = live_offline(house.public).offline
        steps = plan(base, page_bins or 0, bins or 0, house.clock())
        _begin(house, "resize", _signed(house, base, steps), wait)
    click.echo("the new bins are written in the background; clients are sent to them when all are there")


def _cancel(house: House) -> None:
    from bonded.tuf.base import read_base
    from bonded.tuf.steps_rows import cancel

    layout = read_base(house.public).trust.layout
    with house.db.write() as tx:
        found = cancel(tx, layout, house.clock())
    click.echo(f"given up: {found.kind}, {max(found.at, 0)} of {len(found.steps)} steps were released and stay")


def begin_bundle(house: House, bundle: Path, wait: float | None = None) -> StepSequence:
    """Begin what a ceremony signed. Raises BadSteps, CeremonyRefused, SignerUnusable, Untrusted."""
    from bonded.tuf.ceremony_folder import BUNDLE, read_lines
    from bonded.tuf.ceremony_import import check_bundle
    from bonded.tuf.ceremony_keys import read_file
    from bonded.tuf.ceremony_state import read_state
    from bonded.tuf.rotate import live_offline

    state = read_state(read_lines(read_file(bundle), str(bundle), (BUNDLE,)))
    live = live_offline(house.public)
    return _begin(house, "ceremony", check_bundle(state, live, house.signer.keys(), house.clock()), wait)


def _dev_change(house: House, what: str, uri: str | None, keys: int, threshold: int, wait: float | None) -> None:
    from bonded.tuf import rotate as plans
    from bonded.tuf.offline import BadKeys
    from bonded.tuf.rotate_dev import dev_keys, make_dev_keys

    folder = house.directory / "keys"
    base, now = plans.live_offline(house.public).offline, house.clock()
    _dev_only(house)
    dev_keys(folder)
    _free(house)
    if what == "online-key":
        new, told = _online_key(house, uri)
        _begin(house, what, _signed(house, base, plans.new_online_key(base, new, now)), wait)
        click.echo(told)
        return
    if threshold > keys:
        raise BadKeys(f"a threshold of {threshold} with {keys} keys cannot be reached")
    made = make_dev_keys(folder, what.removesuffix("-keys"), keys, threshold)
    plan = plans.new_root_keys if what == "root-keys" else plans.new_offline_keys
    _begin(house, what, _signed(house, base, plan(base, made, now)), wait)


def _online_key(house: House, uri: str | None) -> tuple[KeySet, str]:
    """The new online key, made now unless it exists; and what the operator must do."""
    from bonded.tuf.keys import make_key
    from bonded.tuf.offline import KeySet, key_set
    from bonded.tuf.rotate_dev import fresh

    s = house.settings.signer
    if uri is None:
        path = fresh(house.directory / "keys", "online")
        passphrase = (house.directory / s.passphrase_file).read_text("utf-8").strip().encode()
        new, uri = key_set([make_key(path, passphrase)]), f"file:keys/{path.name}"
    else:
        keyid, key = public_key(
            uri,
            house.directory,
            pkcs11_module=s.pkcs11_module,
            pin_file=s.pin_file,
            passphrase_file=s.passphrase_file,
        )
        new = KeySet({keyid: key})
    both = ", ".join(f'"{one}"' for one in (*s.uris(), uri))
    return new, (
        f"give the signer both keys and restart it: in bonded.toml under [signer], keys = [{both}]\n"
        "when `bonded tuf status` says that it is done, take the old one out again and destroy it"
    )


def _dev_only(house: House) -> None:
    from bonded.tuf.steps import BadSteps

    if not (house.directory / "keys/dev").is_dir():
        raise BadSteps(CEREMONY)


def _free(house: House) -> None:
    """Nothing is under way: seen before keys are made."""
    from bonded.tuf.steps import BadSteps
    from bonded.tuf.steps_rows import running

    with house.db.read() as conn:
        other = running(conn)
    if other is not None:
        raise BadSteps(
            f"a change ({other.kind}) is under way: let it end, or give it up with `bonded tuf rotate --cancel`"
        )


def _signed(house: House, base: Offline, steps: tuple[StepValues, ...]) -> tuple[Step, ...]:
    from bonded.tuf.rotate_dev import dev_keys, sign_all

    _dev_only(house)
    return sign_all(base, steps, dev_keys(house.directory / "keys"))


def _begin(house: House, kind: str, steps: tuple[Step, ...], wait: float | None) -> StepSequence:
    from bonded.journal.record import PUBLISH_QUEUE
    from bonded.tuf.rotate import begin_change

    rest = house.tuf_settings.sweep_grace if wait is None else timedelta(seconds=wait)
    found = begin_change(house.db, house.public, kind, steps, rest=rest, now=house.clock())
    house.queue.wake([PUBLISH_QUEUE])
    click.echo(f"begun: {kind} in {len(found.steps)} steps: {', '.join(step.name for step in found.steps)}")
    return found
