"""The words `mirror DIR ...` of the command: one round, rounds without end, or a look at what is on the disk."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from packaging.utils import canonicalize_name

from bonded_client.failures import Failure, printable, translate
from bonded_client.mirror import Mirror
from bonded_client.mirror_check import check, plain
from bonded_client.mirror_history import DAMAGED, FOLDER
from bonded_client.mirror_round import Limits, Round
from bonded_client.mirror_tree import Tree
from bonded_client.trust import Trust, read_root

LONGEST = 600.0
"""Seconds between two tries, however often the last ones failed."""


def add(commands: Any) -> None:
    """Add the command to those of the parser."""
    parser = commands.add_parser("mirror", help="keep a verified copy of the index that serves pip, uv and TUF clients")
    parser.add_argument("directory", type=Path, metavar="DIR", help="folder of the copy")
    parser.add_argument("--project", action="append", default=[], metavar="P", help="only this project (repeatable)")
    parser.add_argument("--once", action="store_true", help="bring it up to date and end")
    parser.add_argument("--check", action="store_true", help="read all of it again and compare with what was signed")
    parser.add_argument(
        "--repair", action="store_true", help="with --check: take away what is wrong, to be fetched again"
    )
    parser.add_argument(
        "--every", type=_positive, default=10.0, metavar="S", help="seconds between two looks at the index"
    )
    parser.add_argument("--jobs", type=int, choices=range(1, 65), default=8, metavar="N", help="downloads at once")
    parser.add_argument("--keep-free", type=_positive, default=1024.0, metavar="MB", help="disk space to leave free")
    parser.add_argument(
        "--grace", type=_not_negative, default=7200.0, metavar="S", help="keep superseded objects so long"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per round or problem")
    parser.set_defaults(run=run, folder=_own)


def _own(options: argparse.Namespace) -> Path:
    """A mirror keeps what it has seen beside what it serves."""
    try:
        return Tree(options.directory).own
    except OSError as error:
        raise Failure("disk", f"{options.directory} cannot be a mirror: {error.strerror}.") from error


def run(options: argparse.Namespace, trust: Trust) -> int:
    """Run the command; returns its exit status."""
    tree = Tree(options.directory)
    limits = Limits(
        frozenset(canonicalize_name(name) for name in options.project),
        options.jobs,
        int(options.keep_free * 1e6),
        options.grace,
    )
    if options.check:
        return _check(options, tree)
    mirror = Mirror(trust, tree, limits, progress=_progress())
    if options.once:
        done = mirror.once()
        tree.keep("status.json", _status(done, None))
        _say(options, done)
        return 0
    return _follow(options, mirror, tree)


def _follow(options: argparse.Namespace, mirror: Mirror, tree: Tree) -> int:
    """Rounds until SIGTERM or Ctrl-C. A failed one is told, and tried again after a while that doubles."""
    stop = threading.Event()
    previous = signal.signal(signal.SIGTERM, _stopper)
    pause, last = options.every, ""
    try:
        while not stop.wait(pause if last else 0.0):
            try:
                done = mirror.once()
            except Exception as error:
                failure = translate(error, mirror.trust.fetcher.last_url)
                pause = min(LONGEST, 2 * pause if last == "failed" else options.every)
                last = "failed"
                tree.keep("status.json", _status(None, failure))
                print(f"bonded-client: {failure} Trying again in {pause:.0f} s.", file=sys.stderr)  # noqa: T201
                continue
            tree.keep("status.json", _status(done, None))
            if done.changed or last != "done":
                _say(options, done)
            pause, last = options.every, "done"
    except _Terminated:
        pass
    finally:
        signal.signal(signal.SIGTERM, previous)
    return 0


class _Terminated(BaseException):
    """SIGTERM arrived."""


def _stopper(_number: int, _frame: FrameType | None) -> None:
    raise _Terminated


def _check(options: argparse.Namespace, tree: Tree) -> int:
    chosen = Limits(frozenset(tree.recall("chosen") or ())).chosen
    absent = tree.recall("absent") or {}
    count = 0
    for problem in check(tree, read_root(options.root), datetime.now(UTC), chosen, absent):
        count += 1
        line = (
            json.dumps({"kind": problem.kind, "name": problem.name})
            if options.json
            else f"{problem.kind}  {problem.name}"
        )
        print(printable(line), flush=True)  # noqa: T201
        if options.repair:
            tree.delete(plain(problem.name))  # its copies are made anew with it
            if problem.name.startswith(FOLDER):
                tree.keep(DAMAGED, True)
    for name in absent:
        print(f"bonded-client: {printable(name)} is listed and was not served by the index", file=sys.stderr)  # noqa: T201
    if not count:
        return 0
    if options.repair:
        tree.keep("chosen", None)  # so that the next round looks at everything
    raise Failure("altered", f"{count} objects of the mirror are not what the index signed.")


def _say(options: argparse.Namespace, done: Round) -> None:
    if options.json:
        print(json.dumps(_status(done, None)), flush=True)  # noqa: T201
    else:
        what = f"{done.pages} pages, {done.files} files, {done.bytes / 1e6:.1f} MB, {len(done.withdrawn)} withdrawn"
        print(f"publication {done.publication}: {what} in {done.seconds:.1f} s", flush=True)  # noqa: T201
    for note in done.notes:
        print(f"bonded-client: {printable(note)}", file=sys.stderr)  # noqa: T201
    for name in done.absent:
        print(f"bonded-client: {printable(name)} is listed and not served; asked for again later", file=sys.stderr)  # noqa: T201


def _status(done: Round | None, failure: Failure | None) -> dict[str, Any]:
    """What `status.json` says of the last round."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    if done is None:
        return {"at": now, "failed": str(failure)}
    return {
        "at": now,
        "publication": done.publication,
        "changed": done.changed,
        "records": done.records,
        "pages": done.pages,
        "files": done.files,
        "bytes": done.bytes,
        "withdrawn": done.withdrawn,
        "absent": done.absent,
        "seconds": round(done.seconds, 3),
    }


def _progress() -> Callable[[str], None]:
    """Shows a line on a terminal, at most ten times a second; elsewhere nothing."""
    if not sys.stderr.isatty():
        return lambda _: None
    last = [0.0]

    def show(text: str) -> None:
        if (now := time.monotonic()) - last[0] > 0.1:
            last[0] = now
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()

    return show


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e12:
        raise argparse.ArgumentTypeError("must be positive")
    return value


def _not_negative(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError("must not be negative")
    return value
