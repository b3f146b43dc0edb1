"""`bonded tuf export` and `bonded tuf import`: what goes from the index host to a ceremony, and what comes back."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bonded.cli.ceremony_asking import FILE, plainly
from bonded.cli.options import directory_option
from bonded.wiring import House, open_house

if TYPE_CHECKING:
    from bonded.tuf.ceremony_state import State
    from bonded.tuf.offline import Step


ROOT = "keys/root.json"


@click.command()
@click.argument("file", type=FILE)
@directory_option
@click.option("--page-bins", type=click.IntRange(2, 65_536), default=16, help="Suggested for a new index. Default: 16.")
@click.option("--bins", type=click.IntRange(2, 65_536), default=16, help="Suggested for a new index. Default: 16.")
def export(file: Path, directory: Path, page_bins: int, bins: int) -> None:
    """Write FILE, to carry to a ceremony: the online public keys, and the offline metadata of today. Holds no secrets."""
    house = open_house(directory)
    with plainly():
        write_index(house, file, page_bins, bins)
    click.echo(f"wrote {file}: carry it to the ceremony, `bonded tuf ceremony FOLDER --index {file.name}`")


def write_index(house: House, file: Path, page_bins: int, bins: int) -> None:
    """Write the index file of `house`. Raises CeremonyRefused, SignerUnusable, Untrusted."""
    import orjson

    from bonded.tuf.ceremony_folder import write_whole
    from bonded.tuf.ceremony_import import read_live
    from bonded.tuf.ceremony_index import index_value
    from bonded.tuf.offline import bins_of

    live = read_live(house.public)
    if live is not None:
        page_bins, bins = bins_of(live.offline.pages).count, bins_of(live.offline.bins).count
    value = index_value(
        house.settings.url,
        house.signer.keys(),
        page_bins=page_bins,
        bins=bins,
        roots=live.roots if live else (),
        files=live.files if live else None,
    )
    write_whole(file, orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")


@click.command("import")
@click.argument("bundle", type=FILE)
@directory_option
def import_(bundle: Path, directory: Path) -> None:
    """Take the bundle of a ceremony into the index. Everything is checked first; when anything is wrong, nothing changes.

    A new index gets its metadata, with every bin empty, and can be served then. A change of keys or bins is released step
    by step by the publisher: `bonded tuf status` shows how far it is.
    """
    from bonded.tuf.ceremony_folder import BUNDLE, read_lines
    from bonded.tuf.ceremony_keys import read_file
    from bonded.tuf.ceremony_state import read_state

    house = open_house(directory)
    with plainly():
        data = read_file(bundle)
        state = read_state(read_lines(data, str(bundle), (BUNDLE,)))
        if state.index.base is not None:
            _later(house, state, bundle, data, house.clock())
            return
        with house.lock.held() as mine:
            if not mine:
                raise click.ClickException("a publisher of this index is running: stop it, and import again")
            _first(house, state, data, house.clock())


def _first(house: House, state: State, data: bytes, now: datetime) -> None:
    from bonded.tuf.ceremony_folder import write_whole
    from bonded.tuf.ceremony_import import import_first
    from bonded.tuf.ceremony_keys import fingerprint
    from bonded.tuf.kept import keep_bundle

    step, told = state.signed_steps()[0] if state.complete else None, "the import is finished"
    if step is None or not _unfinished(house, step):
        n, step = import_first(house.public, house.signer, state, now, house.settings.tuf.lifetime())
        told = f"publication {n}, {len(step.files)} offline roles, every bin empty"
    root = step.files["root"]
    # Clients could read the index from here on. If we stop before the last line, the same import does what is missing.
    keep_bundle(house.directory, data)
    _record(house, state, step.versions(), now)
    write_whole(house.directory / ROOT, root)
    click.echo(f"imported root version 1: {told}")
    click.echo(f"root metadata, sha256 {fingerprint(hashlib.sha256(root).hexdigest())}")
    click.echo(f"users begin from {house.directory / ROOT}; start the index with: bonded serve {house.directory}")


def _later(house: House, state: State, bundle: Path, data: bytes, now: datetime) -> None:
    """The steps of a rotation or a resize: checked now, released by the publisher, which goes on meanwhile."""
    from bonded.cli.rotation import begin_bundle
    from bonded.tuf.kept import keep_bundle
    from bonded.tuf.transcript import CeremonyRefused

    if state.terms is not None and state.terms.compromised:
        raise CeremonyRefused(
            f"this ceremony replaces an online key in wrong hands: use it with `bonded tuf recover --new-keys {bundle}`"
        )
    steps = begin_bundle(house, bundle).steps
    keep_bundle(house.directory, data)
    _record(house, state, {role: n for step in steps for role, n in step.versions().items()}, now)


def _unfinished(house: House, step: Step) -> bool:
    """Whether this very bundle was imported by a command that was stopped just before its end."""
    from bonded.tuf.ceremony_import import read_live

    if (house.directory / ROOT).exists():
        return False
    live = read_live(house.public)
    return live is not None and live.roots == (step.files.get("root"),)


def _record(house: House, state: State, versions: dict[str, int], now: datetime) -> None:
    from bonded.journal import record
    from bonded.values.states import SubjectKind
    from bonded.values.who import OPERATOR

    facts = {"ceremony": state.id, "transcript": state.head, "versions": versions}
    with house.db.write() as tx:
        record(tx, "keys.ceremony", OPERATOR, (SubjectKind.INDEX, ""), now=now, facts=facts)
