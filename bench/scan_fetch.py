"""Fetch the archives that a benign list names, without building or installing anything.

    python3 bench/scan_fetch.py LIST DIR [--most-mb 40] [--threads 8]

Run it with a Python that has pip: where an archive is, pip's own finder says, so the index, mirrors and certificates that pip is
told to use are used here. `pip download` would run the build code of source distributions for their metadata; this fetches the
one file that the list names and compares its sha256. What is there already is kept. DIR gets the folders `wheels` and `sdists`;
its mode is 0700. One line for each archive that could not be had.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pip._internal.commands.download import DownloadCommand
from pip._internal.models.target_python import TargetPython

MIB = 1024 * 1024


def fetch(rows: list[dict[str, Any]], folder: Path, wheels: bool, most: int, threads: int) -> None:
    """Put the archives of `rows` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = DownloadCommand("download", "")
    kind = ["--only-binary", ":all:"] if wheels else ["--no-binary", ":all:"]
    options, _ = command.parse_args(["--no-deps", "-q", "-q", "-q", *kind])
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options, session, target_python=TargetPython())

        def one(row: dict[str, Any]) -> None:
            name = row.get("file")
            if (name and (folder / name).exists()) or row.get("size", 0) > most:
                return
            links = [candidate.link for candidate in finder.find_all_candidates(row["project"]) if fits(candidate, row)]
            if not links:
                print(row["project"], row.get("version", name), "is not in the index", flush=True)
                return
            data = session.get(links[0].url_without_fragment).content
            wanted = row.get("sha256") or (links[0].hash if links[0].hash_name == "sha256" else None)
            if wanted and hashlib.sha256(data).hexdigest() != wanted:
                print(links[0].filename, "has another sha256: left out", flush=True)
            elif len(data) <= most:
                part = folder / (links[0].filename + ".part")
                part.write_bytes(data)
                part.rename(folder / links[0].filename)

        def careful(row: dict[str, Any]) -> None:
            try:
                one(row)
            except Exception as error:  # one that fails is told, and the rest goes on
                print(row["project"], type(error).__name__, flush=True)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(careful, rows))


def fits(candidate: Any, row: dict[str, Any]) -> bool:
    """Whether a candidate of pip's finder is the archive that the row names."""
    link = candidate.link
    if row.get("file"):
        return bool(link.filename == row["file"])
    return not link.is_wheel and str(candidate.version) == row["version"]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("list", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--most-mb", type=int, default=40, help="larger archives are left out")
    parser.add_argument("--threads", type=int, default=8)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    rows = json.loads(options.list.read_text("utf-8"))
    for kind in ("wheels", "sdists"):
        fetch(rows.get(kind, []), options.folder / kind, kind == "wheels", options.most_mb * MIB, options.threads)


if __name__ == "__main__":
    main()
