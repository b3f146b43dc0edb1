"""The command `bonded-client`. Data goes to standard output, messages to standard error; see `failures` for exits."""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from packaging.tags import sys_tags

from bonded_client import (
    __version__,
    choose,
    journal_command,
    mirror_command,
    proxy_command,
    sbom_command,
    upgrade_command,
)
from bonded_client.download import files_of
from bonded_client.failures import Failure, printable, translate
from bonded_client.fetcher import Deadlines, Fetcher, Proxies
from bonded_client.index import Index
from bonded_client.page import File, Page
from bonded_client.trust import Trust, alone, read_root
from bonded_client.verify import verify


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status. Wrong usage exits 2, as argparse does."""
    options = _parser().parse_args(argv)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its retries are not for the person to read
    fetcher = _fetcher(options)
    try:
        if options.start:
            cache = options.cache or _default_cache()
            return int(options.start(options, cache, lambda connections: _fetcher(options, connections), _note))
        with _trust(options, fetcher) as trust:
            run: Callable[[argparse.Namespace, Trust], int] = options.run
            return run(options, trust)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return _fail(translate(error, fetcher.last_url))
    finally:
        fetcher.close()


def _fetcher(options: argparse.Namespace, connections: int = 1) -> Fetcher:
    seconds = options.timeout or (proxy_command.TIMEOUT if options.start else 20.0)
    return Fetcher(_deadlines(seconds), Proxies(urllib.request.getproxies(), _goes_round), connections)


@contextmanager
def _trust(options: argparse.Namespace, fetcher: Fetcher) -> Iterator[Trust]:
    index: Index = options.index
    root = read_root(options.root)
    folder: Path = options.folder(options)
    with alone(folder):
        yield Trust(index, root, folder, fetcher)


def _remembered(options: argparse.Namespace) -> Path:
    """Where a command keeps what it has seen of the index, unless it has a place of its own."""
    index: Index = options.index
    return index.folder(options.cache or _default_cache())


def _download(options: argparse.Namespace, trust: Trust) -> int:
    for text in options.requirement:
        want = choose.wanted(text)
        pick = _picker(want, options)
        for file, path in files_of(trust, want.project, pick, options.dest, own_target=options.own_targets):
            _say(options, file, path)
    return 0


def _picker(want: choose.Wanted, options: argparse.Namespace) -> Callable[[Page], list[File]]:
    def pick(page: Page) -> list[File]:
        files = choose.release(page, want)
        if page.status in {"archived", "deprecated"}:
            _note(f"{want.project} is {page.status}{': ' + page.reason if page.reason else ''}")
        for file in files:
            if file.yanked is not None:
                _note(f"{file.filename} was yanked{': ' + file.yanked if file.yanked else ''}")
        if options.all_files:
            return files
        return [choose.best(files, list(sys_tags()), platform.python_version())]

    return pick


def _verify(options: argparse.Namespace, trust: Trust) -> int:
    status = 0
    for path in options.path:
        try:
            _say(options, verify(trust, path, own_target=options.own_targets), path)
        except Exception as error:
            status = max(status, _fail(translate(error, trust.fetcher.last_url)))
    return status


def _say(options: argparse.Namespace, file: File, path: Path) -> None:
    if options.json:
        line = {"path": str(path), "filename": file.filename, "version": str(file.version), "sha256": file.sha256}
        print(json.dumps({**line, "size": file.size}), flush=True)  # noqa: T201
    else:
        print(f"{path}  sha256:{file.sha256}", flush=True)  # noqa: T201


def _note(text: str) -> None:
    print(f"bonded-client: {printable(text)}", file=sys.stderr)  # noqa: T201


def _fail(failure: Failure) -> int:
    over = "\r\x1b[K" if sys.stderr.isatty() else ""  # a line of progress may stand there
    print(f"{over}bonded-client: {failure}", file=sys.stderr)  # noqa: T201
    return int(failure.exit)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bonded-client", description="Download and verify packages through the TUF metadata of their index."
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--index", required=True, type=Index.at, metavar="URL", help="address of the index")
    parser.add_argument("--root", required=True, type=Path, help="root metadata that you trust to begin with")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where to remember what was seen of each index")
    parser.add_argument("--timeout", type=_seconds, metavar="S", help="longest wait for the next byte: 20, proxy 8")
    parser.set_defaults(folder=_remembered, start=None)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    download = commands.add_parser("download", help="download files of projects, verified")
    download.add_argument("requirement", nargs="+", help="a project, with versions or without: example==1.0")
    download.add_argument("--dest", type=Path, default=Path(), metavar="DIR", help="folder to put them in")
    download.add_argument("--all-files", action="store_true", help="all files of the release, not the best one")
    download.set_defaults(run=_download)
    check = commands.add_parser("verify", help="verify files that are already here")
    check.add_argument("path", nargs="+", type=Path, help="a wheel or source distribution")
    check.set_defaults(run=_verify)
    mirror_command.add(commands)
    journal_command.add(commands)
    sbom_command.add(commands)
    upgrade_command.add(commands)
    for command in (download, check):
        command.add_argument("--own-targets", action="store_true", help="check each file's own TUF target too")
        command.add_argument("--json", action="store_true", help="print one JSON object per file")
    proxy_command.add(commands)
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError("between 0 and 3600 seconds")
    return seconds


def _deadlines(pause: float) -> Deadlines:
    return Deadlines(connect=min(10.0, pause), pause=pause, base=1.5 * pause)


def _goes_round(host: str) -> bool:
    return bool(urllib.request.proxy_bypass(host))


def _default_cache() -> Path:
    if chosen := os.environ.get("BONDED_CLIENT_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bonded-client"
