"""`bonded serve`, and its parts for several machines: web, worker, publisher, refresher, signer."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bonded.ops.lanes import Lane
    from bonded.serve.group import Member
    from bonded.serve.life import Life
    from bonded.wiring import House

DIRECTORY = click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
HOST = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
PORT = click.option("--port", type=click.IntRange(0, 65_535), default=8000, show_default=True, help="0: any free port.")


@click.command()
@DIRECTORY
@HOST
@PORT
def serve(directory: Path, host: str, port: int) -> None:
    """Run everything in one process group: web, jobs, publisher."""
    house = _open(directory, "serve")
    listening = _bind(host, port, house)
    _run(house, [*_http(house, listening), *_workers(house), _publisher(house)], listening, sealed=True)


@click.command()
@DIRECTORY
@HOST
@PORT
def web(directory: Path, host: str, port: int) -> None:
    """Run the web processes only."""
    house = _open(directory, "web")
    listening = _bind(host, port, house)
    _run(house, _http(house, listening), listening, sealed=True)


@click.command()
@DIRECTORY
def worker(directory: Path) -> None:
    """Run jobs only: screening, mail, withdrawal, plain copies."""
    house = _open(directory, "worker")
    _run(house, _workers(house), sealed=True)


@click.command()
@DIRECTORY
def publisher(directory: Path) -> None:
    """Run the publisher only. One at a time does the work; a second stands by where the store allows it."""
    house = _open(directory, "publisher")
    _run(house, [_publisher(house)])


@click.command()
@DIRECTORY
def refresher(directory: Path) -> None:
    """Run the refresher only: keeps clients valid while the database is down."""
    house = _open(directory, "refresher")
    _run(house, [_refresher(house)], database=False)


@click.command()
@DIRECTORY
def signer(directory: Path) -> None:
    """Run the signer only: holds the online keys for a publisher and a refresher with `signer.engine = "process"`.

    Needs no database and no store.
    """
    from bonded.seams import SignerUnusable
    from bonded.serve.life import Life

    _hide_memory()
    server = _open(directory, "signer").signer_server()
    try:
        server.bind()
    except SignerUnusable as error:
        raise click.ClickException(str(error)) from None
    life = Life()  # no group: sessions with tokens and services do not survive a fork
    life.obey_signals()
    life.on_stop(server.close)
    _ready("ready")
    server.run()


def _hide_memory() -> None:
    """No core file holds the keys, and other processes of the same user cannot read them from our memory."""
    import ctypes
    import resource

    set_dumpable = 4  # PR_SET_DUMPABLE of prctl(2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None, use_errno=True).prctl(set_dumpable, 0, 0, 0, 0)


def _open(directory: Path, group: str) -> House:
    """The house, with logs and counters set up for the process group `group`."""
    from bonded.telemetry import logs, metrics
    from bonded.telemetry.outlet import Outlet
    from bonded.wiring import open_house

    house = open_house(directory)
    logs.configure(house.settings.log.format, house.settings.log.level, Outlet(2))
    metrics.start(house.metrics_folder, metrics.free_name(house.metrics_folder, group))
    return house


def _bind(host: str, port: int, house: House) -> list[socket.socket]:
    from bonded.serve.listen import ListenError, bind

    try:
        return bind(host, port, house.settings.serve.processes)
    except ListenError as error:
        raise click.ClickException(str(error)) from None


def _run(
    house: House,
    members: list[Member],
    listening: list[socket.socket] | None = None,
    *,
    database: bool = True,
    sealed: bool = False,
) -> None:
    """Run the group to its end; the exit status is the group's. `sealed`: it reads sealed secrets."""
    from bonded.db.engine import writable
    from bonded.serve.group import GroupSettings, run_group
    from bonded.serve.listen import url_of

    if database:
        check_schema(house)
        writable(house.db)
    if sealed:
        check_key(house)
    # What was opened to look must not be shared by the children: SQLite forbids it.
    house.closed()
    line = f"ready {url_of(listening[0])}" if listening else "ready"
    raise SystemExit(run_group(members, lambda: _ready(line), GroupSettings()))


def _ready(line: str) -> None:
    """Say it to whoever reads standard output, and to systemd."""
    from bonded.telemetry.systemd import notify

    click.echo(line)
    notify(f"READY=1\nSTATUS={line}")


def check_schema(house: House) -> None:
    """Raise ClickException or NewerSchema unless the database has this version's schema."""
    from bonded.db import revision

    revision.refuse_newer(house.db)
    have, want = revision.current(house.db), revision.newest()
    if have is None:
        raise click.ClickException(
            "the database is empty: see that `database.url` names the right one; "
            f"if it does, run `bonded migrate --dir {house.directory}`"
        )
    if have != want:
        raise click.ClickException(
            f"the database has schema {have}, this version wants {want}: run `bonded migrate --dir {house.directory}`"
        )


def check_key(house: House) -> None:
    """Say when this host has another key than the one that secrets are sealed with; note the key at the first start.

    Raises SettingsError when it has none although one is known. With another key installers and most pages work, so the group
    starts; /readyz says the same until it is mended.
    """
    from bonded.accounts import key_proof
    from bonded.wiring.stores import OTHER_KEY

    sealer = house.sealer
    with house.db.write() as tx:
        good = key_proof.keep(tx, sealer, now=house.clock())
    if not good:
        click.echo(f"Warning: {OTHER_KEY}", err=True)


def check_metadata(house: House) -> None:
    """Raise ClickException where an index was never published: its key ceremony is still to come.

    A store over the network is not asked: its client must not be used before the fork. There the publisher says it, as it does
    where the folder of keys is hidden from this process, as it should be beside a signer process: nobody can tell then whether
    an index without metadata was never published or is damaged, and a damaged one starts.
    """
    from bonded.tuf.roles import TIMESTAMP

    if house.settings.storage.public.startswith("s3://") or _there_or_hidden(house.directory / "keys/root.json"):
        return
    if not house.public.exists(TIMESTAMP):
        raise click.ClickException(
            "this index has no metadata yet: hold the key ceremony, then import its bundle with "
            f"`bonded tuf import BUNDLE --dir {house.directory}`"
        )


def _there_or_hidden(path: Path) -> bool:
    try:
        path.stat()  # since Python 3.14 exists() says no where nobody may look
    except PermissionError:  # its folder may not be entered
        return True
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _probe(house: House) -> None:
    """End this process, with the reason in the log, when the public store cannot be written."""
    import structlog

    from bonded.seams import StorageError

    try:
        house.public.probe()
    except StorageError as error:
        structlog.get_logger("bonded.group").error("the public store cannot be used", reason=str(error))
        raise SystemExit(1) from None


def _member(
    house: House, name: str, run: Callable[[House, Life], None], listens: socket.socket | None = None
) -> Member:
    from bonded.serve.group import Member

    def begin(life: Life) -> None:
        house.forked()
        run(house, life)

    return Member(name, begin, listens)


def _http(house: House, listening: list[socket.socket]) -> list[Member]:
    from bonded.serve.process import run_http

    assert house.web is not None  # made before the fork, so that all processes share its memory

    def run(house: House, life: Life, one: socket.socket) -> None:
        house.db.goes_first()
        run_http(house.http(), one, life)

    return [_member(house, f"web-{n}", partial(run, one=one), one) for n, one in enumerate(listening)]


def _workers(house: House) -> list[Member]:
    """The worker process and, where a broker carries jobs, one more for each lane that it carries."""
    house.jobs()  # imports what the handlers need, and tells of wrong settings, before the fork
    carried = [lane for lane in house.lanes() if lane.carried and house.broker is not None]
    return [_worker(house, carried), *(_carried(house, lane) for lane in carried)]


def _worker(house: House, carried: list[Lane]) -> Member:
    from bonded.ops.worker import Worker

    def run(house: House, life: Life) -> None:
        jobs, broker = house.jobs(), house.broker
        work = Worker(house.db, house.new_queue, house.clock)
        for lane in house.lanes():
            if lane not in carried:
                work.add_lane(lane, jobs)
        if broker is not None:
            work.keep(broker, carried, jobs)
        for interval, call, far in house.rounds():
            work.every(interval, call, far=far)
        life.on_stop(work.stop)
        life.ready()
        work.run()

    return _member(house, "worker", run)


def _carried(house: House, lane: Lane) -> Member:
    from bonded.ops.carried import run_lane

    def run(house: House, life: Life) -> None:
        os.nice(lane.nice)
        assert house.broker is not None
        life.ready()
        run_lane(house.db, house.broker, lane, house.jobs(), house.clock, life.stop)

    return _member(house, f"worker-{lane.name}", run)


def _publisher(house: House) -> Member:
    from bonded.ops.lanes import AFTER_NICE
    from bonded.tuf.loop import run_publisher

    house.check_key_uris()
    check_metadata(house)

    def run(house: House, life: Life) -> None:
        os.nice(AFTER_NICE)
        _probe(house)
        run_publisher(house.publisher, house.new_queue(), house.clock, life.stop, life.ready)

    return _member(house, "publisher", run)


def _refresher(house: House) -> Member:
    from bonded.tuf.loop import run_refresher

    house.check_key_uris()
    check_metadata(house)

    def run(house: House, life: Life) -> None:
        _probe(house)
        run_refresher(house.publisher, house.clock, life.stop, life.ready)

    return _member(house, "refresher", run)
