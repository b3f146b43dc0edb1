"""`bonded init`: make a data directory."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bonded.wiring import House

TOML = """\
# Settings of this index. Each can also be set in the environment: BONDED_<SECTION>__<KEY>, or BONDED_<KEY>.
# The public address, with a slash at its end.
url = "%s"
"""
DEV_TOML = """\
# The signing keys were made at once on this machine: this index is for development, and says so everywhere.
dev = true
"""
NEXT = """\
made {directory}, which has no metadata yet: what users trust is made in a key ceremony, by several people, on machines
without a network, of which this host never sees more than signatures.

{online}

1. Each root key holder makes a key on their own machine:
     bonded tuf key NAME
2. Carry {file} to the machine of the ceremony, with their NAME.pub files:
     bonded tuf ceremony FOLDER --index {name} --root-key A.pub --root-key B.pub --root-key C.pub --root-threshold 2
3. Each holder in turn reads and signs, on their own machine, with FOLDER:
     bonded tuf sign FOLDER --key NAME.pem
4. Carry the bundle back to this host:
     bonded tuf import FOLDER/bundle.json --dir {directory}
5. Start the index:
     bonded serve {directory}
"""
WRITTEN = re.compile(r"https?://[^\s\"\\]+")
"""What `--url` may be: it goes into the settings as it is, and these say what is wrong with it."""
OURS = re.compile(f"(({re.escape(DEV_TOML)})?{re.escape(TOML) % WRITTEN.pattern})?")
"""A file of settings that was made here, or begun."""
INDEX_FILE = "keys/index.json"
SETTINGS_FILE = "bonded.toml"
MADE = frozenset((SETTINGS_FILE, "keys", "public", "vault", "run", "secrets"))
MADE_DATABASE = "bonded.db"
MADE_KEYS = frozenset(("keys", "online.pem", "passphrase", "index.json", "root.json", "dev", "root.pem", "targets.pem"))
"""What is made here: all that is taken away of an attempt that was not finished."""


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--dev-keys", is_flag=True, help="Make all TUF keys at once, for development; marked everywhere.")
@click.option(
    "--page-bins",
    type=click.IntRange(2, 65_536),
    default=16,
    show_default=True,
    help="Bins for project pages (a power of two); without --dev-keys, a suggestion to the ceremony.",
)
@click.option(
    "--bins", type=click.IntRange(2, 65_536), default=16, show_default=True, help="Bins for files (a power of two)."
)
@click.option(
    "--url", default="http://localhost:8000/", show_default=True, help="The public address, written into bonded.toml."
)
@click.option("--admin", metavar="NAME", help="Create an administrator; prints a one-time link to set the password.")
def init(directory: Path, dev_keys: bool, page_bins: int, bins: int, url: str, admin: str | None) -> None:
    """Make a data directory: settings, SQLite database, vault, public store and the online key.

    Without --dev-keys the metadata come from a key ceremony: this prints how to hold it.
    """
    for option, count in (("--page-bins", page_bins), ("--bins", bins)):
        if count & (count - 1):
            raise click.BadParameter(f"{count} is not a power of two", param_hint=option)
    if not WRITTEN.fullmatch(url):
        raise click.BadParameter(f"{url} is no web address", param_hint="--url")
    toml = (DEV_TOML if dev_keys else "") + TOML % f"{url.rstrip('/')}/"
    with _claimed(directory):
        house = (_dev if dev_keys else _real)(directory.absolute(), toml, page_bins, bins)
        link = _administrator(house, admin) if admin else ""
    if dev_keys:
        click.echo(f"made {directory}: keys for development only, {page_bins} page bins, {bins} file bins")
    if admin:
        click.echo(f"set the password of {admin} once, within a day: {link}")
    click.echo(f"start it with: bonded serve {directory}" if dev_keys else _next(house, directory), nl=dev_keys)


def _dev(directory: Path, toml: str, page_bins: int, bins: int) -> House:
    """A directory with a whole repository, all keys on this machine."""
    from bonded.tuf.layout import create_dev_repository

    house, now = _make(directory, toml)
    create_dev_repository(
        house.public, directory / "keys", page_bins=page_bins, bins=bins, now=now, lifetime=house.settings.tuf.lifetime()
    )  # fmt: skip
    _record(house, {"page_bins": page_bins, "bins": bins, "development": True}, now)
    return house


def _real(directory: Path, toml: str, page_bins: int, bins: int) -> House:
    """A directory with an online key, or the settings of one elsewhere, and the file to carry to the ceremony."""
    from bonded.cli.ceremony_asking import plainly
    from bonded.cli.ceremony_import import write_index
    from bonded.tuf.layout import make_online_key

    house, now = _make(directory, toml)
    if makes_key(house):
        make_online_key(directory / "keys")
    with plainly():
        write_index(house, directory / INDEX_FILE, page_bins, bins)
    _record(house, {"page_bins": page_bins, "bins": bins, "development": False}, now)
    return house


def makes_key(house: House) -> bool:
    """Whether the settings leave the online key where it is by default: in a file, which is made here."""
    from bonded.settings import SignerSettings

    usual, signer = SignerSettings(), house.settings.signer
    return (signer.engine, signer.uris(), signer.passphrase_file) == (usual.engine, usual.uris(), usual.passphrase_file)


def _next(house: House, directory: Path) -> str:
    from bonded.tuf.ceremony_keys import fingerprint

    keys = house.signer.keys()
    made = (
        " was made here, encrypted; its passphrase is in keys/passphrase"
        if makes_key(house)
        else " is where `signer.keys` says"
    )
    online = "\n".join(f"The online key{made}. Its fingerprint:\n  {fingerprint(keyid)}" for keyid in keys)
    file = directory / INDEX_FILE
    return NEXT.format(directory=directory, online=online, file=file, name=file.name)


@contextmanager
def _claimed(directory: Path) -> Iterator[None]:
    """The directory, empty but for a mark that says who makes it: its lock is held until it is made, and ends with this process.

    What a command that was killed has left is taken away first: no other command opens a directory with the mark, so nobody has
    used it. A failure leaves it as it was. Raises ClickException, with everything as it was, where there is something else: it
    may be what another `bonded init` makes right now.
    """
    from bonded.wiring.house import UNFINISHED

    directory.mkdir(parents=True, exist_ok=True, mode=0o750)
    mark = directory / UNFINISHED
    ours = not mark.exists()
    if ours and any(directory.iterdir()):
        raise _not_empty(directory)
    with mark.open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise click.ClickException(
                f"{directory} is being made by another `bonded init`: nothing was changed"
            ) from None
        if not os.fstat(held.fileno()).st_nlink:  # it was made meanwhile, and the mark taken away
            raise _not_empty(directory)
        if ours and any(path != mark for path in directory.iterdir()):
            mark.unlink()
            raise _not_empty(directory)
        _only_ours(directory, mark)
        _clear(directory, mark)
        try:
            yield
        except BaseException:
            _clear(directory, mark)
            raise
        finally:
            mark.unlink()


def _not_empty(directory: Path) -> click.ClickException:
    return click.ClickException(f"{directory} is not empty: nothing was changed")


def _strange(directory: Path, name: str) -> click.ClickException:
    return click.ClickException(
        f"{directory} is what an earlier `bonded init` did not finish, and {name} in it is not of its making: move that elsewhere, "
        "then run this again"
    )


def _clear(directory: Path, mark: Path) -> None:
    """Take away what was made: it was no data directory before, and shall be none after a failure."""
    import shutil

    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != mark:
            path.unlink()


def _only_ours(directory: Path, mark: Path) -> None:
    """Raise ClickException where something lies beside what is made here, or was changed: it is somebody's."""
    settings = directory / SETTINGS_FILE
    if settings.is_file() and not OURS.fullmatch(settings.read_text("utf-8", "replace")):
        raise _strange(directory, SETTINGS_FILE)
    for path in directory.rglob("*"):
        name = path.relative_to(directory)
        ours = name.parts[0] in MADE or name.parts[0].startswith(MADE_DATABASE) or path == mark
        put_in = name.parts[0] == "secrets" and len(name.parts) > 1
        if not ours or put_in or (name.parts[0] == "keys" and path.name not in MADE_KEYS):
            raise _strange(directory, str(name))


def _make(directory: Path, toml: str) -> tuple[House, datetime]:
    """The directory, which is claimed, with settings and an empty, migrated database."""
    from bonded.db import migrate
    from bonded.wiring import open_house

    (directory / "run").mkdir(exist_ok=True)  # systemd starts no signer whose unit names a folder that is not there
    (directory / "secrets").mkdir(exist_ok=True, mode=0o700)  # for files that settings name
    settings = directory / SETTINGS_FILE
    settings.touch(mode=0o600)  # passwords of databases and stores come into it
    settings.write_text(toml)
    house = open_house(directory, making=True)
    migrate.upgrade(house.db)
    return house, house.clock()


def _record(house: House, facts: dict[str, Any], now: datetime) -> None:
    from bonded.journal import record
    from bonded.values.states import SubjectKind
    from bonded.values.who import OPERATOR

    with house.db.write() as tx:
        record(tx, "index.init", OPERATOR, (SubjectKind.INDEX, ""), now=now, facts=facts)


def _administrator(house: House, name: str) -> str:
    from datetime import timedelta

    from bonded.accounts import people
    from bonded.accounts.links import Purpose, make_link
    from bonded.values.who import OPERATOR

    now = house.clock()
    with house.db.write() as tx:
        person = people.create(tx, OPERATOR, name, f"{name}@localhost", is_admin=True, now=now)
        secret = make_link(tx, person.id, Purpose.SET_PASSWORD, now=now, lifetime=timedelta(days=1))
    return house.settings.url.rstrip("/") + f"/account/set-password/{secret}/"
