"""Fetch named distribution files from the package index that pip is configured for, building and running nothing.

`pip download` asks the build back end of an sdist for its metadata, which runs the project's code. This asks pip's own
finder where the file is, fetches it and checks the index's sha256. Run by the pip of var/boot, in its own process:

    var/boot/bin/python tools/fetch_packages.py FOLDER NAME==VERSION:wheel NAME==VERSION:sdist ...

Prints one JSON line for each file: {"wanted", "path"}; exits 1 with a sentence when one cannot be had.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from pip._internal.commands.download import DownloadCommand
from pip._internal.models.target_python import TargetPython


def fetch(finder: Any, session: Any, wanted: str, folder: Path) -> Path:
    """The file for `wanted` (NAME==VERSION:wheel|sdist), from `folder` when it is there. Raises SystemExit."""
    requirement, _, kind = wanted.partition(":")
    name, _, version = requirement.partition("==")
    links = [
        c.link
        for c in finder.find_all_candidates(name)
        if str(c.version) == version and c.link.is_wheel == (kind == "wheel")
    ]
    if not links:
        raise SystemExit(f"the package index has no {kind} of {requirement} for this Python")
    link = next((x for x in links if not x.filename.endswith(".zip")), links[0])
    path = folder / link.filename
    if not path.exists():
        reply = session.get(link.url_without_fragment)
        reply.raise_for_status()
        if link.hash_name == "sha256" and hashlib.sha256(reply.content).hexdigest() != link.hash:
            raise SystemExit(f"{link.filename} does not have the sha256 that the index gives")
        path.write_bytes(reply.content)
    return path


def main() -> None:
    """See the module."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    command = DownloadCommand("download", "")
    options, _ = command.parse_args(["--no-deps", "-q", "-q"])
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options, session, target_python=TargetPython())
        for wanted in sys.argv[2:]:
            print(json.dumps({"wanted": wanted, "path": str(fetch(finder, session, wanted, folder))}), flush=True)


if __name__ == "__main__":
    main()
