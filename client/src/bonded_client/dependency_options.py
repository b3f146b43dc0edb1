"""What `sbom` and `upgrade` have in common: which packages they are about, and what the index says of them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bonded_client.failures import printable
from bonded_client.interpreter import Interpreter, ask
from bonded_client.packages import Found, installed
from bonded_client.pinned import PinnedFile, read
from bonded_client.released import Release, Releases
from bonded_client.whole import whole


def add(parser: Any) -> None:
    """Add the options that say which packages."""
    parser.add_argument(
        "--python",
        type=Path,
        default=Path(sys.executable),
        metavar="PATH",
        help="the Python whose packages these are, or the folder of its environment (default: the one that runs this)",
    )
    parser.add_argument(
        "-r",
        "--requirement",
        type=Path,
        metavar="FILE",
        help="requirements with exact versions, or pylock.toml, instead of what is installed",
    )
    parser.add_argument("--own-targets", action="store_true", help="check the TUF target of each file too")


def packages(options: argparse.Namespace) -> tuple[Interpreter, Found, PinnedFile | None]:
    """The Python, its packages or those of the file, and the file. Raises Failure."""
    python = ask(options.python)
    if options.requirement is None:
        active = os.environ.get("VIRTUAL_ENV")
        if active and options.python == Path(sys.executable) and Path(active).resolve() != Path(sys.prefix).resolve():
            note(f"These are the packages of {sys.prefix}; for those of the active environment, say --python {active}.")
        return python, installed(python), None
    file = read(options.requirement, python)
    return python, file.found, file


def described(found: Found, releases: Releases) -> Found:
    """The packages of a file with their requirements, which only the index knows."""
    names = shown(found.packages, "requirements")
    return replace(found, packages={name: releases.described(found.packages[name]) for name in names})


def asked(found: Found, releases: Releases) -> dict[str, Release]:
    """What the index says of each package. Raises Failure, or python-tuf's errors."""
    return {name: releases.of(found.packages[name]) for name in shown(found.packages, "package")}


def note(text: str) -> None:
    """A sentence for the person."""
    print(f"bonded-client: {printable(text)}", file=sys.stderr)  # noqa: T201


def shown(names: Iterable[str], words: str) -> Iterator[str]:
    """The names, one by one, with a line of progress for each where standard error is a terminal."""
    listed = list(names)
    terminal = sys.stderr.isatty()
    for at, name in enumerate(listed, 1):
        if terminal:
            print(f"\r\x1b[K{printable(f'{words} {at} of {len(listed)}: {name}')}", end="", file=sys.stderr, flush=True)  # noqa: T201
        yield name
    if terminal:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)  # noqa: T201


def keep(path: Path, text: str) -> None:
    """Write the file at once or not at all, in UTF-8 and with the line ends that `text` has. Raises OSError."""
    with whole(path) as out:
        out.write(text.encode())
