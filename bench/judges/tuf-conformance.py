"""Run the tuf-conformance suite, given by its path, against `bonded-client`.

    ./dev judge tuf-conformance PATH [words for pytest]

PATH is a checkout of theupdateframework/tuf-conformance. The suite runs in its own process with its own tests; nothing of it
is kept here. It drives `python -m bonded_client.conformance`, which is the client's own workflow behind the suite's command
line. Prints one JSON line: how many tests passed, failed and were not run, and the names of those that did not pass.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("path", type=Path, help="a checkout of tuf-conformance")
    parser.add_argument("words", nargs=argparse.REMAINDER, help="further words for pytest")
    options = parser.parse_args()
    suite = options.path.resolve() / "tuf_conformance"
    if not (suite / "conftest.py").is_file():
        parser.error(f"{options.path} is no checkout of tuf-conformance: it has no tuf_conformance/conftest.py")
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        report = Path(folder) / "report.xml"
        status = _run(suite, Path(folder), report, options.words)
        if not report.exists():
            return status or 1
        found = _read(report)
    print(json.dumps({name: len(tests) if name == "passed" else tests for name, tests in found.items()}))
    return int(bool(found["failed"]))


def _run(suite: Path, folder: Path, report: Path, words: list[str]) -> int:
    """Run the suite from its own folder; its entry point is a file that calls ours."""
    entry = folder / "client"
    call = f"exec {shlex.quote(sys.executable)} -m bonded_client.conformance"
    entry.write_text(f'#!/bin/sh\n{call} "$@"\n')
    entry.chmod(0o755)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist"]
    command += ["-p", "no:timeout", "--junitxml", str(report), "--rootdir", str(suite.parent), str(suite)]
    command += ["--entrypoint", str(entry), *words]
    return subprocess.run(command, cwd=suite.parent, stdout=sys.stderr, check=False).returncode


def _read(report: Path) -> dict[str, list[str]]:
    """Names of tests by how they ended."""
    found: dict[str, list[str]] = {"passed": [], "failed": [], "not_run": []}
    for case in ET.parse(report).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        end = "failed" if kinds & {"failure", "error"} else "not_run" if "skipped" in kinds else "passed"
        found[end].append(case.attrib["name"])
    return found


if __name__ == "__main__":
    sys.exit(main())
