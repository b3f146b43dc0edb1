"""The client's TUF workflow behind the command line that the tuf-conformance suite drives; nothing else uses it.

    python -m bonded_client.conformance --metadata-dir DIR init ROOT
    python -m bonded_client.conformance --metadata-dir DIR --metadata-url URL refresh
    ... --target-name PATH --target-base-url URL --target-dir DIR download

It goes through the same `Trust` and `Fetcher` as every command. The suite looks at the metadata folder, so what `Trust`
keeps is shown there. Served an older, valid state, `Trust` keeps its own and goes on; here that counts as a refresh that
did not succeed, which it is.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from bonded_client.failures import printable, translate
from bonded_client.fetcher import Deadlines, Fetcher, Proxies
from bonded_client.index import Index
from bonded_client.trust import Trust, alone


@dataclass(frozen=True, slots=True)
class _Place(Index):
    """A repository whose metadata has an address of its own; `url` is that of its targets."""

    metadata_url: str = ""

    @property
    def metadata(self) -> str:
        return self.metadata_url


def main(argv: list[str] | None = None) -> int:
    """Run one command of the protocol; 0, or 1 with a sentence on standard error."""
    options = _parser().parse_args(argv)
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    own: Path = options.metadata_dir / ".bonded-client"
    if options.command == "init":
        own.mkdir(parents=True, exist_ok=True)
        shutil.copy(options.root, own / "initial.json")
        shutil.copy(options.root, options.metadata_dir / "root.json")
        return 0
    fetcher = Fetcher(Deadlines(), Proxies())
    try:
        with alone(own):
            return _run(options, own, fetcher)
    except Exception as error:
        print(f"conformance: {printable(str(translate(error, fetcher.last_url)))}", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        fetcher.close()


def _run(options: argparse.Namespace, own: Path, fetcher: Fetcher) -> int:
    place = _Place((options.target_base_url or "").rstrip("/") + "/", options.metadata_url.rstrip("/") + "/")
    trust = Trust(place, (own / "initial.json").read_bytes(), own, fetcher)
    try:
        trust.renew()
        for path in options.target_name if options.command == "download" else ():
            _download(trust, path, options.target_dir)
    finally:
        _show(trust.metadata, options.metadata_dir)
    if trust.behind:
        print("conformance: an older state was served; ours is kept", file=sys.stderr)  # noqa: T201
    return int(trust.behind)


def _download(trust: Trust, path: str, folder: Path) -> None:
    data = trust.read(path)
    if data is None:
        raise SystemExit(f"there is no target {path}")
    file = folder / path.replace("/", "%2F")
    if not (file.exists() and file.read_bytes() == data):
        file.write_bytes(data)


def _show(kept: Path, folder: Path) -> None:
    """Copies of what is trusted under the names that the suite looks for."""
    for file in kept.glob("*.json"):
        shutil.copy(file, folder / file.name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bonded_client.conformance", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--metadata-dir", type=Path, required=True)
    parser.add_argument("--metadata-url")
    parser.add_argument("--target-name", action="append", default=[])
    parser.add_argument("--target-base-url")
    parser.add_argument("--target-dir", type=Path)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("init").add_argument("root", type=Path)
    commands.add_parser("refresh")
    commands.add_parser("download")
    return parser


if __name__ == "__main__":
    sys.exit(main())
