"""`bonded tuf sign` and `bonded tuf verify-transcript`: on a signer's own machine, and by anybody afterwards."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bonded.cli.ceremony import close
from bonded.cli.ceremony_asking import FILE, passphrase, passphrase_option, plainly, show
from bonded.wiring import wall_clock

if TYPE_CHECKING:
    from bonded.tuf.ceremony_state import State
    from bonded.tuf.offline import Value


def _home() -> Path:
    return Path(click.get_app_dir("bonded")) / "signer"


@click.command()
@click.argument("what", metavar="FOLDER_OR_FILE", type=click.Path(path_type=Path))
@click.option("--key", required=True, metavar="FILE_OR_URI", help="Your private key: a file, or a URI such as hsm:.")
@passphrase_option
@click.option("--trusted", type=FILE, help="Root metadata that you trust, when this machine has not signed before.")
@click.option("--output", type=FILE, help="With a file to sign: where to write the signatures. Default: beside it.")
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="BONDED_SIGNER_HOME",
    help="Where this machine remembers what each key has signed. Default: in your home directory.",
)
@click.option("--given-up", is_flag=True, help="An earlier ceremony, in which you signed other metadata, was given up.")
@click.option("--yes", is_flag=True, help="Sign without asking. For scripts: you have read what it says before.")
def sign(
    what: Path,
    key: str,
    passphrase_file: Path | None,
    trusted: Path | None,
    output: Path | None,
    home: Path | None,
    given_up: bool,
    yes: bool,
) -> None:
    """Sign the metadata of a ceremony with your key, after reading what they change against what you trust.

    With a folder the signatures are added to it; with a file (`bonded tuf ceremony --request`) they are written into
    another file, for `bonded tuf ceremony --add`. Needs no network.
    """
    from bonded.tuf.ceremony_check import signed_of
    from bonded.tuf.ceremony_folder import CeremonyFolder, open_ceremony
    from bonded.tuf.ceremony_keys import read_file

    with plainly():
        folder = CeremonyFolder(what) if what.is_dir() else None
        with folder.held() if folder else nullcontext():
            state, now = open_ceremony(what), wall_clock()
            given = signed_of(read_file(trusted), "root") if trusted else None
            said = _statement(state, key, passphrase_file, given, home or _home(), now, given_up=given_up, yes=yes)
            if folder is None:
                _write_apart(what, output, said)
                return
            if said is not None:
                from bonded.tuf.ceremony import add_signed

                add_signed(folder, said)
            close(folder)


def _statement(
    state: State,
    key: str,
    secret: Path | None,
    given: Value | None,
    home: Path,
    now: datetime,
    *,
    given_up: bool,
    yes: bool,
) -> dict[str, Any] | None:
    """The signer's statement; None when the key has signed everything before."""
    from bonded.tuf.ceremony_memory import load_memory, save_memory
    from bonded.tuf.ceremony_sign import asked_of, check_sane, explain
    from bonded.tuf.ceremony_sign import sign as make

    signer = _open(state, key, secret)
    keyid = str(signer.public_key.keyid)
    needs = asked_of(state, keyid)
    if not needs:
        click.echo("This key has signed everything already.", err=True)
        return None
    memory = load_memory(home, keyid)
    check_sane(state, memory, given, now, given_up=given_up)
    show(explain(state, memory, given, keyid, now))
    if not yes and click.prompt("Type yes to sign this", default="no", show_default=False, err=True) != "yes":
        raise click.ClickException("nothing was signed")
    said = make(state, needs, signer, memory, now)
    # Remembered first: if we stop after this line, signing the same metadata again is right, others are refused.
    save_memory(home, memory)
    return said


def _open(state: State, key: str, secret: Path | None) -> Any:
    from bonded.tuf.ceremony_keys import is_uri, load_by_uri, load_offline_key

    if not is_uri(key):
        return load_offline_key(Path(key), lambda: passphrase(secret, key))
    keys = {keyid: need.key(keyid) for need in state.needs for keyid in need.keyids}
    return load_by_uri(key, keys, lambda name: passphrase(secret, name).decode())


def _write_apart(request: Path, output: Path | None, said: dict[str, Any] | None) -> None:
    import orjson

    from bonded.tuf.ceremony_folder import write_whole

    if said is None:
        return
    path = output or request.with_name(f"{request.stem}-{said['statement']['keyid'][:8]}.signed.json")
    write_whole(path, orjson.dumps(said, option=orjson.OPT_INDENT_2) + b"\n")
    click.echo(f"wrote {path}: send it back, for `bonded tuf ceremony FOLDER --add {path.name}`")


@click.command("verify-transcript")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--root", "root", type=FILE, help="Root metadata as clients have them: they must be of this ceremony.")
def verify_transcript(bundle: Path, root: Path | None) -> None:
    """Check the transcript in BUNDLE, and tell it: each line, each statement, each signature. Needs no network and no index.

    Exit status 1 when a line was changed, left out or added, when a signature does not verify, or when one is missing.
    """
    from bonded.tuf.ceremony_folder import open_ceremony
    from bonded.tuf.ceremony_keys import fingerprint
    from bonded.tuf.ceremony_words import story, waiting
    from bonded.tuf.transcript import CeremonyRefused

    with plainly():
        state = open_ceremony(bundle)
        show(story(state))
        if state.steps is None:
            raise CeremonyRefused("no metadata were written in this ceremony yet")
        if not state.complete:
            raise CeremonyRefused("signatures are missing: " + "; ".join(waiting(state)))
        if root is not None:
            _check_root(state, root)
    click.echo(f"every line and every signature verifies; last digest {fingerprint(state.head)}")


def _check_root(state: State, path: Path) -> None:
    """Raise CeremonyRefused unless a root is one of this ceremony: it may carry fewer signatures, but enough of them."""
    from bonded.tuf.ceremony_check import check_file, signed_of
    from bonded.tuf.ceremony_keys import read_file
    from bonded.tuf.offline import names_of
    from bonded.tuf.transcript import CeremonyRefused

    data = read_file(path)
    value = signed_of(data, "root")
    need = next((n for n in state.needs if n.role == "root" and state.value(n) == value), None)
    if need is None:
        raise CeremonyRefused(f"{path} was not made in this ceremony")
    check_file(need, data, names_of(value))
