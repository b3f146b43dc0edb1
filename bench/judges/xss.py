"""Judge Bonded's pages by a public list of hostile texts, given by its path.

    ./dev judge xss PATH [--most N]

PATH is a text file with one text on each line, or a folder of such files (`*.txt`). Every text is put into every field that
somebody outside can fill, past the checks of forms, and every page that shows one is opened in Chromium, the console of reviewers
included. A dialog, a script that ran, a refusal by the content security policy, a request to another host, or an element or
attribute that could do any of these counts as running. Prints one JSON line; exit 1 when anything ran.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

ROUND = 40


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("path", type=Path, help="a list of texts, or a folder of lists")
    parser.add_argument("--most", type=int, default=0, help="take no more texts than this; 0: all")
    options = parser.parse_args()
    try:
        every = list(dict.fromkeys(texts(options.path)))
    except OSError as error:
        parser.error(f"{options.path} cannot be read: {error}")
    if not every:
        parser.error(f"{options.path} holds no texts")
    taken = every[: options.most or None]
    found, pages = judged(taken)
    figure: dict[str, Any] = {"judge": "xss", "texts": len(taken), "of": len(every), "pages": pages, "ran": len(found)}
    print(json.dumps(figure | {"faults": found[:50]}))
    return 1 if found else 0


def texts(path: Path) -> Iterator[str]:
    """The texts, without line ends and empty lines."""
    for file in sorted(path.rglob("*.txt")) if path.is_dir() else [path]:
        yield from (line for line in file.read_text("utf-8", "replace").splitlines() if line.strip())


def judged(every: list[str]) -> tuple[list[str], int]:
    """What ran, and how many pages were opened."""
    from tests.web.hostile import Stage, Watch, logged_in
    from tests.web.server import chromium

    pages, found = 0, []
    with index() as (house, origin), chromium() as browser:
        stage, watched = Stage(house), {}
        for name in (None, "ann", "root"):
            context = browser.new_context(reduced_motion="reduce")
            context.set_default_timeout(30_000)
            if name is not None:
                logged_in(house, context, origin, name)
            watched[name] = Watch(context.new_page(), origin)
        for start in range(0, len(every), ROUND):
            some = every[start : start + ROUND]
            stage.fill(some)
            for who, path in stage.pages(some):
                pages += 1
                if watched[who].visit(path) >= 500:
                    found.append(f"{path}: an error of ours")
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{min(start + ROUND, len(every))} of {len(every)} texts")
        found += [fault for watch in watched.values() for fault in watch.faults]
    return found, pages


@contextmanager
def index() -> Iterator[tuple[Any, str]]:
    """An index in a temporary folder, served on a free port."""
    from tests.web.house import CHEAP, House
    from tests.web.server import serving

    from bonded.accounts import passwords
    from bonded.db.engine import open_database
    from bonded.db.migrate import upgrade
    from bonded.web.context import WebSettings

    passwords.default_hasher = lambda: CHEAP
    with tempfile.TemporaryDirectory(prefix="bonded-judge-") as folder, serving() as (origin, deferred):
        db = open_database(f"sqlite:///{folder}/bonded.db")
        try:
            upgrade(db)
            house = House(db, Path(folder), datetime.now(UTC), WebSettings(url=origin, second_factor=False))
            deferred.app = house.wsgi
            yield house, origin
        finally:
            db.close()


if __name__ == "__main__":
    sys.exit(main())
