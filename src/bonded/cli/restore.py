"""`bonded restore`: a backup becomes a data directory, or the directory in place is made whole; nobody reads meanwhile."""

from __future__ import annotations

import errno
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bonded.cli.options import json_option, print_json
from bonded.cli.signing import told
from bonded.wiring import House, open_house

if TYPE_CHECKING:
    from bonded.ops.restore import Restored


NEW_MODE = 0o750
"""As `bonded init` makes a data directory: nginx, in the group, reaches the public store in it."""


def say(words: str) -> None:
    """Progress, where a person watches."""
    if sys.stderr.isatty():
        click.echo(words, err=True)


def sqlite_path(house: House) -> Path | None:
    """The database file, None where it is not SQLite."""
    url = house.database_url
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="SOURCE DIRECTORY | --in-place DIRECTORY")
@click.option("--in-place", is_flag=True, help="Make the store of this directory whole, after its parts were restored.")
@click.option(
    "--keys", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder with the online key."
)
@json_option
def restore(paths: tuple[Path, ...], in_place: bool, keys: Path | None, as_json: bool) -> None:
    """Restore a backup SOURCE into the new folder DIRECTORY, or DIRECTORY in place.

    Every bin is issued anew under a number from the clock, so that clients see versions rise. The folder, or with
    --in-place the public store, has its name only after that: nobody reads before. Stop the server first.
    """
    if len(paths) != (1 if in_place else 2):
        raise click.UsageError("give SOURCE and DIRECTORY, or --in-place and DIRECTORY")
    where = [path.absolute() for path in paths]
    with told():
        done = _in_place(where[0]) if in_place else _from_backup(where[0], where[1], keys)
    if as_json:
        print_json(asdict(done))
    else:
        click.echo(
            f"publication {done.live}: {done.files} files, {done.plain} plain pages, {done.pages} pages rendered again"
        )
    for path in done.missing:
        click.echo(f"the vault has no bytes of {path}", err=True)
    for bundle in done.ceremonies:
        click.echo(
            f"{where[-1] / bundle} was signed after what was restored: clients that saw it refuse this index until it has it again. "
            f"Start the publisher, and run `bonded tuf rotate --bundle {where[-1] / bundle} --wait 0 --dir {where[-1]}`",
            err=True,
        )


def _from_backup(source: Path, directory: Path, keys: Path | None) -> Restored:
    _refuse_full(directory)
    directory = directory.resolve()  # a link goes on leading to it
    with _parents(directory), _room(directory) as hidden:
        try:
            done = _fill(hidden, source, keys)
        except BaseException:
            shutil.rmtree(hidden, ignore_errors=True)  # keys are among it; and whatever it holds, the backup has
            raise
        mode = NEW_MODE
        if directory.exists():
            mode = directory.stat().st_mode & 0o777
            directory.rmdir()
        hidden.chmod(mode)
        hidden.rename(directory)
    return done


def _refuse_full(directory: Path) -> None:
    """Raise Refusal (directory-in-use) unless `directory` is new or empty."""
    from bonded.ops.unpack import DIRECTORY_IN_USE
    from bonded.values.refusals import Refusal

    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise Refusal(DIRECTORY_IN_USE, f"{directory} is not empty")


@contextmanager
def _parents(directory: Path) -> Iterator[None]:
    """The folders above `directory`, made where they are missing; of what fails meanwhile none of them stays."""
    missing = [path for path in directory.parents if not path.exists()]
    directory.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for path in missing:
            with suppress(OSError):  # others have put something in it
                path.rmdir()
        raise


@contextmanager
def _room(directory: Path) -> Iterator[Path]:
    """The empty folder that becomes `directory`, under a name that nobody reads; locked, since a second restore would take
    away what this one writes. What a restore that was stopped has left is removed.

    Raises Refusal (directory-in-use, cannot-restore-here).
    """
    from bonded.ops.backup import locked
    from bonded.ops.unpack import DIRECTORY_IN_USE
    from bonded.values.refusals import Refusal

    hidden = directory.with_name(f".{directory.name}.restoring")
    with ExitStack() as stack:
        with locked(directory.parent):  # nobody looks between making and locking
            try:
                with suppress(FileNotFoundError), locked(hidden, wait=False):
                    shutil.rmtree(hidden)  # it never was in use
            except BlockingIOError:
                raise Refusal(DIRECTORY_IN_USE, f"another restore fills {directory}: let it end") from None
            _refuse_full(directory)  # again: one that ended just now has filled it
            if directory.exists():  # whether it can be exchanged shows now, not when all is done
                _rename(directory, hidden, "restore into a new folder in it")
                hidden.rename(directory)
            hidden.mkdir(mode=0o700)
            stack.enter_context(locked(hidden))
        yield hidden


def _fill(hidden: Path, source: Path, keys: Path | None) -> Restored:
    """Make the data directory, under a name that nobody reads."""
    from bonded.db import migrate
    from bonded.ops.unpack import copy_folder, keep_private, unpack

    manifest = unpack(source, hidden, progress=say)
    if keys is not None:
        copy_folder(keys, hidden / "keys")
        _secrets(hidden)
    keep_private(hidden)
    house = open_house(hidden)
    if manifest.database and not (hidden / house.settings.account.key_file).exists():
        click.echo(
            "the backup holds no key of accounts (setting account.key_file): put that file back before you start the index, or go on "
            "without the API tokens, webhooks and authentication apps of before: `bonded policy key --accept`",
            err=True,
        )
    _check(house, manifest.database)
    try:
        migrate.upgrade(house.db, sealer=lambda: house.sealer)
        return _reissue(house)
    finally:
        house.db.close()


def _secrets(hidden: Path) -> None:
    """The key of accounts may lie beside the online key in the folder that was given."""
    given = hidden / "keys" / "accounts.key"
    if given.exists():
        (hidden / "secrets").mkdir(mode=0o700, exist_ok=True)
        given.replace(hidden / "secrets" / "accounts.key")


def _check(house: House, with_database: bool) -> None:
    """Raise Refusal (cannot-restore-here) before anything is changed."""
    from bonded.ops.restore import CANNOT
    from bonded.values.refusals import Refusal

    s = house.settings
    for name, where in (("storage.vault", s.storage.vault), ("storage.public", s.storage.public)):
        if "://" in where or Path(where).is_absolute():
            raise Refusal(CANNOT, f"`{name}` is {where}, not a folder of the data directory: restore in place instead")
    path = sqlite_path(house)
    if with_database and path != house.directory / "bonded.db":
        raise Refusal(CANNOT, "`database.url` is not sqlite:///bonded.db: restore the database itself, then in place")
    if not all(path.exists() for path in house.key_files()):
        raise Refusal(CANNOT, "the backup holds no online key: give its folder with --keys")


def _in_place(directory: Path) -> Restored:
    house = open_house(directory)
    with _closed(house) as hidden:
        return _reissue(hidden)


@contextmanager
def _closed(house: House) -> Iterator[House]:
    """The house with its public store under a hidden name, so that nobody reads from it; named again when all is well.

    A store that is not a folder cannot be hidden: there the operator keeps readers away.
    """
    from bonded.ops.restore import take_up

    public = house.settings.storage.public
    if "://" in public:
        yield house
        return
    folder = house.directory / public
    hidden = folder.with_name(f".{folder.name}.restoring")
    if hidden.exists():  # a restore was stopped: go on with it
        with house.lock.held() as mine:
            if not mine:
                refuse_running()
        _clear(folder, hidden)
    else:
        take_up(house.publisher, house.clock())  # what is refused was not begun: readers keep the store
        _rename(
            folder,
            hidden,
            "mount it elsewhere, and have `storage.public` name a folder in it to which its objects are moved",
        )
    storage = house.settings.storage.model_copy(update={"public": str(hidden)})
    settings = house.settings.model_copy(update={"storage": storage})
    closed = replace(house, settings=settings)
    closed.__dict__["lock"] = house.lock  # the same lock: two of one process would refuse each other
    yield closed
    _clear(folder, hidden)
    hidden.rename(folder)


def _rename(folder: Path, hidden: Path, instead: str) -> None:
    """Give a folder its hidden name. Raises Refusal (cannot-restore-here), with what to do `instead`, for a mount point."""
    from bonded.ops.restore import CANNOT
    from bonded.values.refusals import Refusal

    try:
        folder.rename(hidden)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        raise Refusal(CANNOT, f"{folder} is a mount point, which cannot be given another name: {instead}") from None


def _clear(folder: Path, hidden: Path) -> None:
    """Make way for the store: a command that ran meanwhile made an empty one, in which nothing was published."""
    from bonded.ops.restore import CANNOT
    from bonded.tuf.roles import TIMESTAMP
    from bonded.values.refusals import Refusal

    if (folder / TIMESTAMP).exists():
        words = (
            f"{folder} and {hidden}, of a restore that was stopped, both hold a published store: take one of them away"
        )
        raise Refusal(CANNOT, words)
    if folder.exists():
        shutil.rmtree(folder)


def refuse_running() -> None:
    """Say that another process publishes here. Raises Refusal (publisher-runs)."""
    from bonded.ops.restore import PUBLISHER_RUNS
    from bonded.values.refusals import Refusal

    raise Refusal(PUBLISHER_RUNS, "another process publishes here: stop the server first")


def _reissue(house: House) -> Restored:
    from bonded.cli.operations import kept_of
    from bonded.ops.restore import reissue
    from bonded.tuf.base import read_base
    from bonded.tuf.kept import later_bundles

    done = reissue(house.publisher, house.clock, progress=say)
    base = read_base(house.public)
    done.ceremonies = later_bundles(kept_of(house), {**base.versions, "root": base.trust.root_version})
    return done
