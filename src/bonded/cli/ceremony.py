"""`bonded tuf ceremony` and `bonded tuf key`: on machines without a network, with no index anywhere near."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bonded.cli.ceremony_asking import FILE, passphrase, passphrase_option, plainly, show
from bonded.wiring import wall_clock

if TYPE_CHECKING:
    from bonded.tuf.ceremony_folder import CeremonyFolder
    from bonded.tuf.ceremony_keys import Holder
    from bonded.tuf.ceremony_state import State, Terms

BINS = click.IntRange(2, 65_536)
DAYS = click.IntRange(1, 3650)


@dataclass(frozen=True)
class Given:
    """The options. None and () mean: not said."""

    index: Path | None
    root_key: tuple[Path, ...]
    make_root_key: tuple[str, ...]
    drop_root_key: tuple[str, ...]
    root_threshold: int | None
    targets_key: tuple[Path, ...]
    make_targets_key: tuple[str, ...]
    drop_targets_key: tuple[str, ...]
    targets_threshold: int | None
    one_time: bool | None
    online_key: str | None
    page_bins: int | None
    bins: int | None
    root_days: int | None
    targets_days: int | None
    root_only: bool
    compromised: bool
    add: tuple[Path, ...]
    request: Path | None
    passphrase_file: Path | None
    yes: bool


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--index", type=FILE, help="The file from the index host, written by `bonded init` or `bonded tuf export`."
)
@click.option("--root-key", type=FILE, multiple=True, help="Public key file of a root key holder; repeat it for each.")
@click.option("--make-root-key", metavar="NAME", multiple=True, help="Make a root key in FOLDER/keys, encrypted.")
@click.option("--drop-root-key", metavar="NAME", multiple=True, help="Take out a root key, by name or fingerprint.")
@click.option("--root-threshold", type=click.IntRange(1), help="How many root keys must sign. Default: most of them.")
@click.option(
    "--targets-key", type=FILE, multiple=True, help="Public key file of a holder for targets, pages and bins."
)
@click.option("--make-targets-key", metavar="NAME", multiple=True, help="Make such a key in FOLDER/keys, encrypted.")
@click.option("--drop-targets-key", metavar="NAME", multiple=True, help="Take out such a key, by name or fingerprint.")
@click.option("--targets-threshold", type=click.IntRange(1), help="How many of these must sign. Default: most of them.")
@click.option(
    "--one-time/--kept",
    default=None,
    help="Targets, pages and bins are signed by a key that is made for it and destroyed (default), or by kept keys.",
)
@click.option(
    "--online-key",
    metavar="KEY",
    help="The new online key: a public key file, or 8 digits of one that the index file names. With --compromised: the one "
    "that the index's signer holds now.",
)
@click.option(
    "--page-bins", type=BINS, help="Bins for project pages (a power of two). Default: as the index file says."
)
@click.option("--bins", type=BINS, help="Bins for files (a power of two). Default: as the index file says.")
@click.option("--root-days", type=DAYS, help="Days that root is valid. Default: 365.")
@click.option("--targets-days", type=DAYS, help="Days that targets, pages and bins are valid. Default: 365.")
@click.option("--root-only", is_flag=True, help="Make root anew, and nothing else.")
@click.option("--compromised", is_flag=True, help="The online key is in wrong hands: drop the old one in one step.")
@click.option("--add", type=FILE, multiple=True, help="File with signatures that a signer has sent.")
@click.option("--request", type=FILE, help="Write one file that signers elsewhere can sign.")
@passphrase_option
@click.option("--yes", is_flag=True, help="Ask nothing: take the options and the defaults, and write the metadata.")
def ceremony(folder: Path, **options: object) -> None:
    """Hold a key ceremony in FOLDER, or go on with one. Needs no network and no index.

    Collects the public keys, writes the metadata for signature, takes the signatures of one signer after the other
    (`bonded tuf sign`), and writes the bundle for the index, a signed transcript and a page to print. Everything is kept in
    FOLDER as plain files; a ceremony that was interrupted goes on where it was.
    """
    from bonded.tuf.ceremony_folder import CeremonyFolder

    given = Given(**options)  # type: ignore[arg-type]
    here = CeremonyFolder(folder)
    with plainly():
        _check_powers(given)
        with here.held():
            now = wall_clock()
            _begin(here, given, now)
            _decide(here, given, now)
            _collect(here, given)
            close(here)


def _check_powers(given: Given) -> None:
    from bonded.tuf.transcript import CeremonyRefused

    for option, count in (("--page-bins", given.page_bins), ("--bins", given.bins)):
        if count is not None and count & (count - 1):
            raise CeremonyRefused(f"{option} {count}: the number of bins must be a power of two")


def _begin(folder: CeremonyFolder, given: Given, now: datetime) -> None:
    from bonded.tuf.ceremony import begin
    from bonded.tuf.ceremony_keys import read_file
    from bonded.tuf.transcript import CeremonyRefused

    path = given.index
    if path is None and not folder.begun:
        if given.yes:
            raise CeremonyRefused("a ceremony begins with --index: the file that `bonded init` wrote on the index host")
        words = "File from the index host (written by `bonded init` or `bonded tuf export`)"
        path = Path(click.prompt(words, type=str, err=True))
    if path is not None:
        begin(folder, read_file(path), str(path), now)


def _decide(folder: CeremonyFolder, given: Given, now: datetime) -> None:
    """Keys and terms, until the metadata are written."""
    from bonded.tuf.ceremony import drop_key, prepare, set_terms
    from bonded.tuf.ceremony_words import summary

    for who, named in (("root", given.drop_root_key), ("targets", given.drop_targets_key)):
        for name in named:
            drop_key(folder, who, name, now)
    _keys(folder, given, now)
    state = folder.state()
    if state.steps is not None and not _decides(given):
        return
    set_terms(folder, _terms(state, given, ask=not given.yes and state.terms is None), now)
    if state.steps is None:
        show(summary(folder.state()))
        if not given.yes and not click.confirm("Write these metadata for signature now?", err=True):
            raise click.ClickException(
                "nothing was written for signature; run this again, with options to change something"
            )
        prepare(folder, now)


def _decides(given: Given) -> bool:
    named = (given.root_threshold, given.targets_threshold, given.one_time, given.page_bins, given.bins)
    return (
        any(value is not None for value in (*named, given.root_days, given.targets_days))
        or given.root_only
        or given.compromised
    )


def _keys(folder: CeremonyFolder, given: Given, now: datetime) -> None:
    from bonded.tuf.ceremony import add_key
    from bonded.tuf.ceremony_keys import read_public

    for who, imported, made in (
        ("root", given.root_key, given.make_root_key),
        ("targets", given.targets_key, given.make_targets_key),
    ):
        for path in imported:
            add_key(folder, who, read_public(path), "imported", now)
        for name in made:
            add_key(folder, who, _make(folder, name, given), "here", now)
    if given.online_key is not None:
        add_key(folder, "online", _online(folder.state(), given.online_key), "imported", now)
    elif given.compromised and folder.state().steps is None and (other := _other_online(folder.state())):
        add_key(folder, "online", other, "imported", now)
    state = folder.state()
    if state.steps is None and not given.yes:
        if not state.holders["root"]:
            _ask_keys(folder, "root", given, now)
        if not state.holders["targets"] and given.one_time is False:
            _ask_keys(folder, "targets", given, now)


def _online(state: State, named: str) -> Holder:
    """The online key that a person means. Raises CeremonyRefused."""
    from bonded.tuf.ceremony_keys import Holder, read_public
    from bonded.tuf.transcript import CeremonyRefused

    if Path(named).exists():
        return read_public(Path(named), "online")
    digits = named.replace(" ", "").lower()
    found = [k for k in state.index.online if len(digits) >= 8 and k.startswith(digits)]
    if len(found) != 1:
        raise CeremonyRefused(f"--online-key {named}: it is no file, and the index file names no such key")
    return Holder("online", found[0], dict(state.index.online[found[0]]))


def _other_online(state: State) -> Holder | None:
    """The one key of the index's signer that today's metadata do not name: what takes the place of the one in wrong hands."""
    from bonded.tuf.ceremony_keys import Holder
    from bonded.tuf.offline import bin_keys, top_keys

    base = state.index.base
    if base is None:
        return None
    named = (
        top_keys(base.root, "timestamp"),
        top_keys(base.root, "snapshot"),
        bin_keys(base.pages),
        bin_keys(base.bins),
    )
    old = {keyid for keys in named for keyid in keys.keys}
    new = [keyid for keyid in state.index.online if keyid not in old]
    return Holder("online", new[0], dict(state.index.online[new[0]])) if len(new) == 1 else None


def _make(folder: CeremonyFolder, name: str, given: Given) -> Holder:
    from bonded.tuf.ceremony_keys import check_name, make_holder

    path = folder.path / "keys" / f"{check_name(name)}.pem"
    return make_holder(path, name, passphrase(given.passphrase_file, name, new=not path.exists()))


def _ask_keys(folder: CeremonyFolder, who: str, given: Given, now: datetime) -> None:
    from bonded.tuf.ceremony import add_key
    from bonded.tuf.ceremony_keys import read_public

    click.echo(f"Who holds a {who} key? Give each a name; an empty name ends the list.", err=True)
    while name := click.prompt("Name", default="", show_default=False, err=True):
        words = f"Public key file of {name} (empty: make the key here)"
        path = click.prompt(words, default="", show_default=False, err=True)
        found = read_public(Path(path), name) if path else _make(folder, name, given)
        add_key(folder, who, found, "imported" if path else "here", now)


def _terms(state: State, given: Given, *, ask: bool) -> Terms:
    """What was said, else what was decided before, else what is in force or usual; a person is asked about the last."""
    from bonded.tuf.ceremony_state import Terms

    had, usual = state.terms, _usual(state)

    def choose(said: int | None, name: str, question: str) -> int:
        if said is not None:
            return said
        if had is not None:
            return int(getattr(had, name))
        return (
            int(click.prompt(question, default=usual[name], type=click.IntRange(1), err=True)) if ask else usual[name]
        )

    one_time = given.one_time
    if one_time is None:
        one_time = had.one_time if had else not state.holders["targets"]
    return Terms(
        root_threshold=choose(given.root_threshold, "root_threshold", "How many root keys must sign"),
        targets_threshold=1
        if one_time
        else choose(given.targets_threshold, "targets_threshold", "How many targets keys must sign"),
        one_time=one_time,
        page_bins=choose(given.page_bins, "page_bins", "Bins for project pages"),
        bins=choose(given.bins, "bins", "Bins for files"),
        root_days=choose(given.root_days, "root_days", "Days that root is valid"),
        offline_days=choose(given.targets_days, "offline_days", "Days that targets, pages and bins are valid"),
        root_only=given.root_only or bool(had and had.root_only),
        compromised=given.compromised or bool(had and had.compromised),
    )


def _usual(state: State) -> dict[str, int]:
    """What is in force, or most of the keys, the numbers of bins that the index host suggests, and a year."""
    from bonded.tuf.offline import bins_of

    base, usual = state.index.base, {"root_days": 365, "offline_days": 365}
    for who in ("root", "targets"):
        count = len(state.holders[who])
        threshold = base.signers_of(who).threshold if base else count // 2 + 1
        usual[f"{who}_threshold"] = max(1, min(threshold, count))
    usual["page_bins"] = bins_of(base.pages).count if base else state.index.page_bins
    usual["bins"] = bins_of(base.bins).count if base else state.index.bins
    return usual


def _collect(folder: CeremonyFolder, given: Given) -> None:
    from bonded.tuf.ceremony import add_signed, read_signed_file
    from bonded.tuf.ceremony_folder import REQUEST, lines_value, write_whole
    from bonded.tuf.ceremony_keys import read_file

    for path in given.add:
        new = add_signed(folder, read_signed_file(read_file(path), str(path)))
        click.echo(f"{path}: {'taken' if new else 'was taken before'}", err=True)
    if given.request is not None:
        write_whole(given.request, lines_value(REQUEST, folder.state().lines))
        click.echo(f"wrote {given.request}: send it to signers, who sign it with `bonded tuf sign`", err=True)


def close(folder: CeremonyFolder) -> None:
    """Write the bundle when everything is signed, and say where the ceremony stands."""
    from bonded.tuf.ceremony import BUNDLE_NAME, ROOT_NAME, SHEET_NAME, finish
    from bonded.tuf.ceremony_keys import fingerprint
    from bonded.tuf.ceremony_words import waiting

    state = folder.state()
    if finish(folder) is None:
        click.echo("Waiting for signatures. Each signer in turn, on their own machine, with this folder:")
        click.echo(f"  bonded tuf sign {folder.path} --key THEIR.pem")
        show(waiting(state))
        return
    click.echo("Everything is signed. In this folder are now:")
    replaces = state.terms is not None and state.terms.compromised
    then = f"recover --to N --new-keys {BUNDLE_NAME}" if replaces else f"import {BUNDLE_NAME}"
    click.echo(f"  {BUNDLE_NAME:<20} for the index host: bonded tuf {then} --dir DIR")
    click.echo(f"  {SHEET_NAME:<20} to print, to compare, and to keep")
    if any("root" in step.values for step in state.steps or ()):
        click.echo(f"  {ROOT_NAME:<20} the root that clients begin from")
    click.echo(f"transcript of {len(state.lines)} lines, last digest {fingerprint(state.head)}")


@click.command()
@click.argument("name")
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Where to. Default: here."
)
@passphrase_option
def key(name: str, folder: Path, passphrase_file: Path | None) -> None:
    """Make a private key for NAME: NAME.pem, encrypted, and NAME.pub, to give to the ceremony.

    NAME.pem stays with its holder. When it exists already, it is kept, and only NAME.pub is written again.
    """
    from bonded.tuf.ceremony_keys import check_name, fingerprint, make_holder

    with plainly():
        path = folder / f"{check_name(name)}.pem"
        made = make_holder(path, name, passphrase(passphrase_file, name, new=not path.exists()))
    click.echo(f"{path}: the private key, encrypted; keep it, and a copy elsewhere")
    click.echo(f"{path.with_suffix('.pub')}: the public key, for the ceremony")
    click.echo(f"fingerprint {fingerprint(made.keyid)}")
