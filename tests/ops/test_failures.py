"""What a command says when database, disk or store do not do what they should: a sentence with what to do, no traceback."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, InternalError, ProgrammingError
from structlog.testing import capture_logs

from bonded.accounts import key_proof
from bonded.accounts.tables import user
from bonded.catalog.change import create_project
from bonded.cli import bonded, serve
from bonded.cli.failures import sentence_of
from bonded.db import engine
from bonded.db.engine import open_database
from bonded.ops import unpack
from bonded.seams import StorageError
from bonded.tuf.outcome import Result
from bonded.tuf.publish import publish
from bonded.values.who import OPERATOR
from bonded.wiring import open_house
from tests.support.postgres import PostgresServer

CREATE = ("user", "create", "alice", "--email", "alice@example.invalid", "--dir")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    words = ["init", str(folder), "--dev-keys", "--page-bins", "2", "--bins", "2"]
    assert CliRunner().invoke(bonded, words).exit_code == 0
    return folder


def failed(*words: str | Path) -> str:
    """The sentence in which a command ends."""
    result = CliRunner().invoke(bonded, [str(word) for word in words])
    assert isinstance(result.exception, Exception), result.output
    said = sentence_of(result.exception)
    assert said is not None, result.exception
    assert "\n" not in said
    return said


def test_two_that_make_one_directory(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both find it empty; the second, which comes too late, leaves alone what the first has made."""
    made = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    looks, listed = [], Path.iterdir

    def empty_at_first(path: Path) -> Iterator[Path]:
        looks.append(path)
        return iter(()) if len(looks) == 1 else listed(path)

    monkeypatch.setattr(Path, "iterdir", empty_at_first)
    result = CliRunner().invoke(bonded, ["init", str(directory), "--dev-keys"])
    assert result.exit_code == 1
    assert f"{directory} is not empty: nothing was changed" in result.output
    assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == made


KILLED = """
import os, signal, sys
import bonded.cli.init
from bonded.cli import bonded

def die(*arguments, **named):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(sys.modules["bonded.cli.init"], sys.argv[1], die)
bonded(["init", sys.argv[2], "--page-bins", "2", "--bins", "2", *sys.argv[3:]])
"""


def killed(moment: str, folder: Path, *options: str) -> None:
    """`bonded init`, killed when it comes to one of its functions."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, moment, str(folder), *options], capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("options", [(), ("--dev-keys",)], ids=["real", "dev"])
@pytest.mark.parametrize("moment", ["_make", "_record", "_administrator"])
def test_making_a_directory_begins_again_after_it_was_killed(
    tmp_path: Path, moment: str, options: tuple[str, ...]
) -> None:
    folder = tmp_path / "data"
    killed(moment, folder, "--admin", "root", "--url", "https://packages.example.invalid", *options)
    assert "is not made to its end" in failed(*CREATE, folder)
    made = CliRunner().invoke(bonded, ["init", str(folder), "--admin", "root", *options])
    assert made.exit_code == 0, made.output
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    assert "not empty: nothing was changed" in CliRunner().invoke(bonded, ["init", str(folder)]).output
    assert CliRunner().invoke(bonded, [*CREATE, str(folder)]).exit_code == 0


@pytest.mark.parametrize("name", ["notes.txt", "keys/mine.pem", "secrets/mine", "bonded.toml"])
def test_what_somebody_put_into_an_unfinished_directory_stays(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "data"
    killed("_record", folder)
    (folder / name).write_text("mine")
    before = set(folder.rglob("*"))
    said = CliRunner().invoke(bonded, ["init", str(folder)])
    assert (said.exit_code, set(folder.rglob("*"))) == (1, before)
    assert f"{name} in it is not of its making: move that elsewhere" in said.output
    (folder / name).rename(tmp_path / "kept")
    assert CliRunner().invoke(bonded, ["init", str(folder)]).exit_code == 0


def test_a_directory_that_another_makes_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    killed("_record", folder)
    with (folder / ".init-unfinished").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = CliRunner().invoke(bonded, ["init", str(folder)])
    assert said.exit_code == 1
    assert "is being made by another `bonded init`: nothing was changed" in said.output
    assert (folder / "bonded.db").exists()


def test_the_address_is_given_at_the_beginning(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    made = CliRunner().invoke(
        bonded, ["init", str(folder), "--admin", "root", "--url", "https://packages.example.invalid"]
    )
    assert "once, within a day: https://packages.example.invalid/account/set-password/" in made.output
    assert 'url = "https://packages.example.invalid/"' in (folder / "bonded.toml").read_text().splitlines()
    wrong = tmp_path / "wrong"
    assert "no path may follow" in failed("init", wrong, "--url", "https://example.invalid/below")
    assert list(wrong.iterdir()) == []
    for address in ("packages.example.invalid", 'https://x"y', "ftp://x"):
        said = CliRunner().invoke(bonded, ["init", str(tmp_path / "none"), "--url", address])
        assert said.exit_code == 2
        assert f"{address} is no web address" in said.output
    assert not (tmp_path / "none").exists()


def test_a_failure_of_the_last_step_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    failed("init", folder, "--admin", "no name")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("command", ["serve", "web", "worker", "publisher"])
def test_a_database_that_can_be_read_only_is_said_at_the_start(
    directory: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    house = open_house(directory)
    with house.db.write() as tx:
        key_proof.keep(tx, house.sealer, now=house.clock())  # as after the first start
    house.closed()
    connected = engine._sqlite_connect

    def only_read(connection: sqlite3.Connection, record: object) -> None:
        connected(connection, record)
        connection.execute("PRAGMA query_only=ON")  # root may write every file, so its rights are no means here

    monkeypatch.setattr(engine, "_sqlite_connect", only_read)
    monkeypatch.setattr("bonded.serve.group.run_group", lambda *_: pytest.fail("it began"))
    said = failed(command, directory, *(("--port", "0") if command in ("serve", "web") else ()))
    assert said.startswith(
        "the database cannot be used: attempt to write a readonly database. See that this user may write"
    )


def test_a_database_without_tables(directory: Path) -> None:
    (directory / "bonded.db").unlink()
    said = failed(*CREATE, directory)
    assert said.startswith("the database does not have the tables of this version (no such table: ")
    assert "`bonded migrate`" in said
    started = CliRunner().invoke(bonded, ["serve", str(directory), "--port", "0"])
    assert "the database is empty: see that `database.url` names the right one" in started.output


@pytest.mark.parametrize("words", [("migrate", "--dir"), ("serve", "--port", "0"), ("worker",)])
def test_a_database_that_a_newer_version_migrated(directory: Path, words: tuple[str, ...]) -> None:
    """As after a step back to the version before: `bonded migrate` is no way out."""
    with closing(sqlite3.connect(directory / "bonded.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    said = failed(*words, directory)
    assert said.startswith("the database has schema 9999, and this version knows none above 0")
    assert "bonded migrate" not in said


def test_a_postgres_without_tables_or_rights(directory: Path, postgres: PostgresServer) -> None:
    with postgres.database(migrated=False) as url:
        text = (directory / "bonded.toml").read_text() + f'[database]\nurl = "{url}"\n'
        (directory / "bonded.toml").write_text(text)
        said = failed(*CREATE, directory)
    assert said.startswith("the database does not have the tables of this version (relation ")

    class Denied(Exception):
        sqlstate = "42501"

    said = sentence_of(ProgrammingError("", None, Denied("permission denied for schema public"))) or ""
    assert (
        "does not permit it to this role: permission denied for schema public. Run `bonded migrate` as the role" in said
    )
    assert sentence_of(ProgrammingError("", None, Exception("a statement of ours"))) is None


def test_a_postgres_that_takes_no_changes(directory: Path, postgres: PostgresServer) -> None:
    """As after a failover, where the address leads to the standby; also where the server ends what takes long."""
    with postgres.database() as url:
        set_up(directory, f'[database]\nurl = "{url}"\n')
        with open_database(url).write() as tx:
            name = tx.execute(text("SELECT current_database()")).scalar_one()
            tx.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
        said = failed(*CREATE, directory)
    assert said.startswith("the database takes no changes (cannot execute INSERT in a read-only transaction): see that")

    class Ended(Exception):
        sqlstate = "25P03"

    error = Ended("terminating connection due to idle-in-transaction timeout")
    said = sentence_of(InternalError("", None, error)) or ""
    assert said == "the database does not answer: terminating connection due to idle-in-transaction timeout"


def bonded_in(encoding: str, *words: str | bytes | Path) -> subprocess.CompletedProcess[bytes]:
    """The command, as on a terminal of this encoding."""
    return subprocess.run(
        [sys.executable, "-c", "from bonded.cli import main; main()", *words],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "1"},
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("words", [("project", "show", b"caf\xe9"), ("file", "yank", b"caf\xe9-1.0.tar.gz")])
def test_an_argument_that_is_not_in_utf8(directory: Path, words: tuple[str | bytes, ...]) -> None:
    ran = bonded_in("utf-8", *words, "--dir", directory)
    assert (ran.returncode, ran.stdout) == (1, b"")
    assert ran.stderr.startswith(b"bonded: 'caf\\udce9")
    assert ran.stderr.endswith(b"' is not in UTF-8, in which everything here is written\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_standard_streams_that_are_closed(directory: Path, closed: str) -> None:
    """As some that start services leave them: what is said goes nowhere, and into no file that is opened next."""
    look = "import os, sys; from bonded.cli import main, bonded; bonded.main = lambda **_: sys.exit(%s); main()"
    nowhere = "all(os.path.exists(f'/proc/self/fd/{n}') for n in (0, 1, 2)) and sys.stderr.isatty() is False and 7"
    for program, words, code in (
        (look % nowhere, [], 7),
        ("from bonded.cli import main; main()", ["tuf", "status", "--dir", str(directory)], 0),
    ):
        line = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", program, *words]
        assert subprocess.run(line, capture_output=True, timeout=60, check=False).returncode == code


def test_a_terminal_that_is_not_of_utf8(directory: Path) -> None:
    """It shows what it can; what programs read is in UTF-8 there, too."""
    assert CliRunner().invoke(bonded, [*CREATE, str(directory)]).exit_code == 0
    house = open_house(directory)
    with house.db.write() as tx:
        owner = tx.execute(select(user.c.id)).scalar_one()
        create_project(tx, OPERATOR, "example", owner_id=owner, now=house.clock())
    house.db.close()
    given = CliRunner().invoke(
        bonded, ["project", "archive", "example", "--reason", "caf\u00e9 \u4f8b", "--dir", str(directory)]
    )
    assert given.exit_code == 0, given.output
    words = ("project", "show", "example", "--dir", directory)
    shown, told = bonded_in("latin-1", *words), bonded_in("latin-1", *words, "--json")
    assert (shown.returncode, told.returncode) == (0, 0), shown.stderr
    assert b"caf\xe9 \\u4f8b" in shown.stdout
    assert "caf\u00e9 \u4f8b" in told.stdout.decode("utf-8")


def set_up(directory: Path, text: str) -> None:
    (directory / "bonded.toml").write_text((directory / "bonded.toml").read_text() + text)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://a:s3cret@host:port/name",
        "postgresql://a@one:5432,two:5432/s3cret",
        "postgresql://a:x@s3cret@127.0.0.1:1/name",
        "postgresql://a:x/s3cret@127.0.0.1:1/name",
        "postgresql://a:12?s3cret@127.0.0.1:1/name",
        "postgresql://a:s3cret%@127.0.0.1:1/name",
        "postgresql://a:s3cret@[::1/name",
    ],
)
@pytest.mark.parametrize("words", [CREATE, ("migrate", "--from", "sqlite:///old.db", "--dir")], ids=lambda w: w[0])
def test_an_address_of_a_database_that_is_none(directory: Path, address: str, words: tuple[str, ...]) -> None:
    set_up(directory, f'[database]\nurl = "{address}"\n')
    said = failed(*words, directory)
    assert said.startswith(
        "`database.url` is no address such as postgresql://USER:PASSWORD@HOST:5432/NAME: write special"
    )
    assert "s3cret" not in said


def test_an_option_of_a_database_that_there_is_none(directory: Path, postgres: PostgresServer) -> None:
    url = postgres.uri
    set_up(directory, f'[database]\nurl = "{url}{"&" if "?" in url else "?"}colour=red"\n')
    said = failed(*CREATE, directory)
    assert said == 'the database cannot be asked: invalid connection option "colour" in `database.url`'


@pytest.mark.parametrize(
    ("text", "modules", "extra"),
    [
        ('[database]\nurl = "postgresql://host/name"\n', ("psycopg",), "bonded[postgres]"),
        ('[storage]\npublic = "s3://bucket"\n', ("bonded.adapters.storage_s3", "obstore"), "bonded[s3]"),
    ],
    ids=["postgres", "s3"],
)
def test_what_is_not_installed(
    directory: Path, monkeypatch: pytest.MonkeyPatch, text: str, modules: tuple[str, ...], extra: str
) -> None:
    set_up(directory, text)
    for name in modules:
        monkeypatch.setitem(sys.modules, name, None)
    said = failed("tuf", "status", "--dir", directory) if "s3" in text else failed(*CREATE, directory)
    assert said.endswith(f'is not installed: install "{extra}"')


@pytest.mark.parametrize("words", [(*CREATE, "DIR"), ("fsck", "DIR"), ("backup", "DIR", "COPY")], ids=lambda w: w[0])
def test_a_database_that_is_damaged(directory: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    for path in directory.glob("bonded.db*"):  # with the log beside it, from which SQLite would mend it
        path.unlink()
    (directory / "bonded.db").write_bytes(b"no database" * 1000)
    places = {"DIR": directory, "COPY": tmp_path / "copy"}
    said = failed(*(places.get(word, word) for word in words))
    assert said == "the database is damaged: file is not a database. Stop everything and restore a backup"
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("name", ["SQLITE_CANTOPEN", "SQLITE_READONLY_DIRECTORY", "SQLITE_FULL", "SQLITE_IOERR_WRITE"])
def test_a_database_that_cannot_be_written(name: str) -> None:
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorname = name
    said = sentence_of(DBAPIError.instance("", None, error, sqlite3.Error)) or ""
    assert said.startswith("the database cannot be used: unable to open database file. See that this user may write")


def test_a_restore_on_a_full_disk(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = CliRunner().invoke(bonded, ["backup", str(directory), str(tmp_path / "copy"), "--with-keys"])
    assert made.exit_code == 0, made.output

    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device", str(source), None, str(target))

    with monkeypatch.context() as patch:
        patch.setattr(unpack.shutil, "copy2", full)
        said = failed("restore", tmp_path / "copy", tmp_path / "new")
    assert said.startswith(f"No space left on device: {tmp_path / '.new.restoring'}")
    assert said.endswith("Make room, and run the same command again")
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / ".new.restoring").exists()
    again = CliRunner().invoke(bonded, ["restore", str(tmp_path / "copy"), str(tmp_path / "new")])
    assert again.exit_code == 0, again.output


@pytest.mark.parametrize("kind", ["copy", "copy.tar"])
def test_a_restored_directory_is_reached_as_one_that_was_made(directory: Path, tmp_path: Path, kind: str) -> None:
    """nginx, in the group of the server, reads the public store below it; keys stay their owner's."""
    made = CliRunner().invoke(bonded, ["backup", str(directory), str(tmp_path / kind), "--with-keys"])
    assert made.exit_code == 0, made.output
    kept = tmp_path / "kept"
    kept.mkdir()
    kept.chmod(0o755)
    for folder, mode in ((tmp_path / "new", 0o750), (kept, 0o755)):
        assert CliRunner().invoke(bonded, ["restore", str(tmp_path / kind), str(folder)]).exit_code == 0
        assert folder.stat().st_mode & 0o777 == mode
        assert (folder / "keys").stat().st_mode & 0o777 == 0o700
        assert (folder / "keys/online.pem").stat().st_mode & 0o777 == 0o600


def test_a_restore_to_where_a_link_leads(directory: Path, tmp_path: Path) -> None:
    made = CliRunner().invoke(bonded, ["backup", str(directory), str(tmp_path / "copy"), "--with-keys"])
    assert made.exit_code == 0, made.output
    (tmp_path / "disk/empty").mkdir(parents=True)
    for name in ("empty", "not-there-yet"):
        (tmp_path / name).symlink_to(tmp_path / "disk" / name)
        restored = CliRunner().invoke(bonded, ["restore", str(tmp_path / "copy"), str(tmp_path / name)])
        assert restored.exit_code == 0, restored.exception
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "disk" / name / "public/metadata/timestamp.json").exists()


def test_a_mount_point_cannot_be_exchanged(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said before anything is done, not after hours."""
    made = CliRunner().invoke(bonded, ["backup", str(directory), str(tmp_path / "copy"), "--with-keys"])
    assert made.exit_code == 0, made.output
    mounted, renamed = tmp_path / "mounted", Path.rename
    mounted.mkdir()

    def busy(path: Path, target: Path) -> Path:
        if path in (mounted, directory / "public"):
            raise OSError(errno.EBUSY, "Device or resource busy", str(path), None, str(target))
        return renamed(path, target)

    monkeypatch.setattr(Path, "rename", busy)
    said = failed("restore", tmp_path / "copy", mounted)
    assert said.startswith(
        f"{mounted} is a mount point, which cannot be given another name: restore into a new folder in it"
    )
    assert not (tmp_path / ".mounted.restoring").exists()
    said = failed("restore", "--in-place", directory)
    assert said.startswith(
        f"{directory / 'public'} is a mount point, which cannot be given another name: mount it elsewhere"
    )
    monkeypatch.undo()
    assert CliRunner().invoke(bonded, ["fsck", str(directory)]).exit_code == 0


def test_a_public_store_that_cannot_be_written(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = open_house(directory)

    def refuse() -> None:
        raise StorageError("Permission denied: public/.tmp")

    monkeypatch.setattr(house.public, "probe", refuse)
    with capture_logs() as lines, pytest.raises(SystemExit):
        serve._probe(house)
    told = [(one["event"], one["reason"]) for one in lines]
    assert told == [("the public store cannot be used", "Permission denied: public/.tmp")]


def test_a_stopped_restore_goes_on_after_another_command(directory: Path) -> None:
    """Any command makes a folder for the store that is hidden; that one is not in the way."""
    (directory / "public").rename(directory / ".public.restoring")
    assert CliRunner().invoke(bonded, ["tuf", "status", "--dir", str(directory)]).exit_code == 1
    assert (directory / "public").exists()
    (directory / "public/packages").mkdir()
    again = CliRunner().invoke(bonded, ["restore", "--in-place", str(directory)])
    assert again.exit_code == 0, (again.output, again.exception)
    assert not (directory / ".public.restoring").exists()
    assert CliRunner().invoke(bonded, ["fsck", str(directory)]).exit_code == 0


def test_two_published_stores_are_a_question_for_a_person(directory: Path) -> None:
    shutil.copytree(directory / "public", directory / ".public.restoring")
    said = failed("restore", "--in-place", directory)
    assert "both hold a published store: take one of them away" in said
    assert (directory / "public/metadata/timestamp.json").exists()
    assert (directory / ".public.restoring/metadata/timestamp.json").exists()


def test_a_restore_that_is_refused_leaves_the_store_to_its_readers(directory: Path, tmp_path: Path) -> None:
    """A store that is newer than the database is for `bonded tuf recover`, which has to find it where it was."""
    assert CliRunner().invoke(bonded, [*CREATE, str(directory)]).exit_code == 0
    with closing(sqlite3.connect(directory / "bonded.db")) as database:
        database.execute("VACUUM INTO ?", [str(tmp_path / "older.db")])
    house = open_house(directory)
    with house.db.write() as tx:
        owner = tx.execute(select(user.c.id)).scalar_one()
        create_project(tx, OPERATOR, "newer", owner_id=owner, now=house.clock())
    assert publish(house.publisher, house.clock()).result is Result.PUBLISHED
    house.lock.release()
    house.db.close()
    for path in directory.glob("bonded.db*"):
        path.unlink()
    shutil.copy2(tmp_path / "older.db", directory / "bonded.db")
    words = [Path(sys.executable).parent / "bonded", "restore", "--in-place", directory]
    refused = subprocess.run(words, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "nothing is published until `bonded tuf recover`" in refused.stderr
    assert (directory / "public/metadata/timestamp.json").exists()
    assert not (directory / ".public.restoring").exists()
    for again in (("tuf", "recover", "--yes", "--dir"), ("fsck",)):
        done = CliRunner().invoke(bonded, [*again, str(directory)])
        assert done.exit_code == 0, (again, done.output)
