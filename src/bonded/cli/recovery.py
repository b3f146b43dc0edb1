"""`bonded tuf compare|recover|rekey`: what was signed against what was announced, and the way back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bonded.cli.operations import kept_of, root_of
from bonded.cli.options import directory_option, json_option, print_json
from bonded.cli.restore import say
from bonded.cli.signing import told
from bonded.wiring import House, open_house

if TYPE_CHECKING:
    from bonded.tuf.compare import Difference
    from bonded.tuf.offline import Step
    from bonded.tuf.recover import Recovered
    from bonded.tuf.recover_survey import Survey

DIGEST = click.option(
    "--digest",
    metavar="SHA256",
    default="",
    help="sha256 of exactly publications/N.json, as a mirror or an auditor has it: believed before all else.",
)
SHOWN = 20
"""Projects without an owner that are named one by one."""


@contextmanager
def plainly() -> Iterator[None]:
    """What stops a recovery is one sentence and exit status 1."""
    from bonded.tuf.outcome import Burned
    from bonded.tuf.recover import NothingToReplay
    from bonded.tuf.recover_number import NoNumber
    from bonded.tuf.rekey import BadBundle
    from bonded.tuf.replay import Contradiction

    with told():
        try:
            yield
        except Contradiction as error:
            raise click.ClickException(
                f"{error}. No honest publisher writes this: give --to, the last publication before it"
            ) from error
        except (BadBundle, Burned, NoNumber, NothingToReplay) as error:
            raise click.ClickException(str(error)) from error


@click.command()
@directory_option
@click.option("--since", "good", type=int, help="Compare with this publication, known to be good.")
@DIGEST
@json_option
def compare(directory: Path, good: int | None, digest: str, as_json: bool) -> None:
    """Compare what the live bins sign with the public record.

    Every digest and signature is verified. Exit status 1 when a bin lists what no publication announced, or the reverse.
    With --since: what the live bins list otherwise than that publication, whoever signed it, announced or not.
    """
    from bonded.tuf.compare import compare as fold
    from bonded.tuf.compare import since

    house = open_house(directory)
    with plainly():
        if good is not None:
            anchor = _known_good(house, good, digest)
            if anchor.n != good:
                click.echo(
                    f"no publication {good} is in the record: compared with {anchor.n}, the newest before it", err=True
                )
            live, difference = since(house.public, good, anchor)
            _print_difference(difference, as_json, {"live": live, "since": anchor.n})
            return
        found = fold(house.public)
    facts = {"live": found.live, "publications": found.publications, "targets": found.targets}
    _print_difference(found.difference, as_json, facts)
    if not found.difference.empty:
        sys.exit(1)


def _known_good(house: House, n: int, digest: str) -> Any:
    """The publication that is compared with; where the database is away, what the record says of it."""
    from sqlalchemy.exc import SQLAlchemyError

    from bonded.tuf.recover_anchor import known_good

    try:
        with house.db.read() as conn:
            return known_good(house.public, n, conn, digest)
    except SQLAlchemyError:
        return known_good(house.public, n, None, digest)


def _print_difference(difference: Difference, as_json: bool, facts: dict[str, int]) -> None:
    if as_json:
        print_json(facts | asdict(difference))
        return
    for path, target in difference.added.items():
        click.echo(f"added {path} {target.sha256}")
    for path, target in difference.removed.items():
        click.echo(f"removed {path} {target.sha256}")
    for path, (before, after) in difference.changed.items():
        click.echo(f"changed {path} {before.sha256} -> {after.sha256}")
    if difference.empty:
        click.echo("no difference: " + ", ".join(f"{name} {value}" for name, value in facts.items()))


@click.command()
@directory_option
@click.option("--to", type=int, help="The last publication known to be good; what came after it is not believed.")
@DIGEST
@click.option(
    "--new-keys",
    type=click.Path(path_type=Path, exists=True),
    help="A ceremony's bundle, or a folder, with root, pages and bins that name new online keys.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def recover(
    directory: Path, to: int | None, digest: str, new_keys: Path | None, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Bring the catalogue back from the public record, make every bin say what the catalogue says, and publish.

    For a database that was lost or is older than the store, and (with --to and --new-keys) after somebody else signed.
    Stop the server first, on every machine. Safe to repeat: what was done already is left alone.
    """
    from bonded.ops.recover import Recovery, check_roots, ownerless
    from bonded.ops.recover import recover as run
    from bonded.tuf.kept import keep_bundle
    from bonded.tuf.recover_survey import survey

    house = open_house(directory)
    with plainly():
        new = _step(new_keys)
        check_roots(house.public, root_of(house), new)
        found = survey(house.db, house.public, to, digest)
        what = Recovery(found, root_of(house), new)
        if as_json and dry_run:
            print_json(_plan(found))
        elif not as_json:
            _print_plan(found, what.returns, new=what.new is not None)
        if dry_run:
            return
        if not yes:
            click.confirm("Go on?", abort=True, err=True)
        done = run(house.publisher, what, house.clock, say)
        if new_keys is not None and new_keys.is_file():
            keep_bundle(house.directory, new_keys.read_bytes())
        alone = ownerless(house.db)
    if as_json:
        print_json(asdict(done) | {"ownerless": alone})
    else:
        _print_done(done, alone)
    _print_caches(house, done)


def _step(path: Path | None) -> Step | None:
    from bonded.tuf.rekey import read_bundle

    return None if path is None else read_bundle(path)


def _plan(found: Survey) -> dict[str, Any]:
    return asdict(found) | {"publications": len(found.steps), "returns": found.returns}


def _print_plan(found: Survey, returns: bool, *, new: bool) -> None:
    good = found.good
    live = f"publication {found.live}" if found.live else f"nothing that clients accept ({found.trouble})"
    click.echo(f"the store shows {live}")
    click.echo(f"the database knows {f'publication {found.known[0]}' if found.known[0] else 'no publication'}")
    click.echo(f"recover to publication {good.n}, sha256 {good.changes} by {good.by}")
    first = f"publication {found.shared[0]}" if found.shared[0] else "the beginning"
    counts = ", ".join(f"{count} {what}" for what, count in found.counts.items() if count)
    click.echo(f"replay {len(found.steps)} publications after {first}" + (f": {counts}" if counts else ""))
    if found.own_later:
        click.echo(
            f"publications that this database made after it: {len(found.own_later)}, from {found.own_later[0]} to "
            f"{found.own_later[-1]}. What they made public stays, for the database says so; restore an older database "
            "first if it is not believed"
        )
    if returns:
        click.echo("issue every bin again from the rows, above every number in the store" + (", with new keys" * new))
    else:
        click.echo("compare every bin with the rows, and issue those that differ")


def _print_done(done: Recovered, alone: list[str]) -> None:
    replayed = done.replayed
    click.echo(
        f"replayed {replayed.publications} publications: {replayed.projects} projects changed, {replayed.files} files made "
        f"public, {replayed.withdrawn} withdrawn; {replayed.uploads} unpublished uploads taken from the vault"
    )
    if done.bins:
        click.echo(f"{len(done.bins)} bins were not what the catalogue says: {', '.join(done.bins[:SHOWN])}")
    if done.strays:
        click.echo(f"{len(done.strays)} objects that nobody stands for were deleted")
    if done.copies:
        click.echo(f"{len(done.copies)} compressed copies were not of what lies beside them, and were deleted")
    click.echo(f"publication {done.live} is live")
    for path in replayed.without_bytes:
        click.echo(f"neither the vault nor the store has the bytes of {path}", err=True)
    if replayed.without_facts:
        click.echo(f"{replayed.without_facts} files have no accepted facts: their releases show a name only", err=True)
    if alone:
        more = f" and {len(alone) - SHOWN} more" if len(alone) > SHOWN else ""
        click.echo(
            f"{len(alone)} projects have no owner, for the public record does not know people: {', '.join(alone[:SHOWN])}"
            f"{more}. Give each one: bonded project owner add PROJECT USER",
            err=True,
        )


def _print_caches(house: House, done: Recovered) -> None:
    """What a person has to do about caches, if anything."""
    if not house.purger.active:
        engine = house.settings.purge.engine
        click.echo(
            f'no cache can be told to forget (`purge.engine = "{engine}"`). If one stands before this index, empty it now: it may '
            "keep for a year what was signed or put into the store since",
            err=True,
        )
    elif done.caches:
        click.echo(
            f"a cache has not confirmed that it forgot everything: {done.caches}. The worker asks it again until it has; clients "
            "behind it may stop meanwhile",
            err=True,
        )


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--dev-keys", is_flag=True, help="Sign with the development keys of this directory.")
@directory_option
def rekey(folder: Path, dev_keys: bool, directory: Path) -> None:
    """Make a new online key in place of one that an intruder may hold, and write metadata that name it into FOLDER.

    Nothing is published: `bonded tuf recover --to N --new-keys FOLDER` does that. With real keys, hold a ceremony with
    --compromised instead.
    """
    from bonded.tuf.rekey import write_bundle
    from bonded.tuf.rekey_dev import make_step, take_key

    if not dev_keys:
        raise click.UsageError(
            "with real keys, hold `bonded tuf ceremony --compromised`; say --dev-keys for development"
        )
    house = open_house(directory)
    with plainly():
        keys, online = house.directory / "keys", _online_file(house)
        passphrase = (house.directory / house.settings.signer.passphrase_file).read_text("utf-8").strip().encode()
        step, made = make_step(house.public, root_of(house), keys, online, passphrase, house.clock())
        write_bundle(step, folder)
        take_key(online, made)
    names = ", ".join(f"{role} {version}" for role, version in sorted(step.versions().items()))
    click.echo(f"{folder}: {names}; the old online key signs no more on this host")
    click.echo(f"next: bonded tuf recover --to N --new-keys {folder}")


def _online_file(house: House) -> Path:
    """The file of the one online key, in whose place the new one comes. Raises BadBundle."""
    from bonded.tuf.rekey import BadBundle

    if house.online_file is None:
        uris = " and ".join(house.settings.signer.uris())
        raise BadBundle(
            f"the new key takes the place of one file, and the signer has {uris}: leave one `file:` key in `signer.keys`"
        )
    return house.online_file


@click.command("put-back")
@directory_option
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def put_back(directory: Path, dry_run: bool, yes: bool) -> None:
    """Write what the offline keys signed over what lies in its place in the public store, from the copies on this host.

    For root, targets, pages and bins that were overwritten, damaged or deleted. The copies are keys/root.json, the bundles of
    ceremonies, and the steps in the database; each is verified. The server may be running. Exit status 1 when something
    is left that no copy here mends.
    """
    from bonded.tuf.put_back import damaged
    from bonded.tuf.put_back import put_back as write

    house = open_house(directory)
    with plainly():
        found = damaged(house.public, root_of(house), kept_of(house))
        for one in found:
            what = f"{one.problem.name}: {one.problem.why}"
            if one.copy is None:
                click.echo(
                    f"{what}. No copy on this host: copy it from a backup or a mirror ({one.problem.code})", err=True
                )
            else:
                click.echo(f"{what}; {one.copy.where} has what was signed")
        if not found:
            click.echo("everything that the offline keys signed is in its place")
        mended = [one for one in found if one.copy is not None]
        if mended and not dry_run:
            if not yes:
                click.confirm("Write it?", abort=True, err=True)
            names = write(house.public, mended)
            click.echo(f"put back: {', '.join(names)}")
            _forget(house, names)
    if len(mended) < len(found):
        sys.exit(1)


def _forget(house: House, names: list[str]) -> None:
    """Caches keep such files for a year."""
    from bonded.seams import PurgeFailed

    keys = [f"file/{name}" for name in names]
    try:
        if house.purger.active:
            house.purger.purge(keys)
            return
        why = f'`purge.engine = "{house.settings.purge.engine}"` cannot tell caches to forget: if one stands before this index, empty it'
    except PurgeFailed as error:
        why = f"a cache was not told to forget: {error}. Run `bonded cache purge {' '.join(keys)}` when it answers"
    click.echo(why, err=True)
