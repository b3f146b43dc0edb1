"""Outside checks for the tests: folders of checks with a good one and one that goes wrong, and what scanning them gives."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bonded.adapters.sandbox_plugin import plugin_sandbox
from bonded.checks.kit import Check
from bonded.checks.outside import Refused
from bonded.checks.registry import built_in
from bonded.checks.scaffold import scaffold
from bonded.screening.plugins import Place, survey
from bonded.screening.run import CheckRun, Scanner, ScanResult, ScanSettings, scan
from bonded.seams import Sandbox
from tests.screening.conftest import wheel

FLAGGED = "import os, zlib\n\nos.system('echo example.invalid')\n"
NAME = "sample-1.0-py3-none-any.whl"
_HEAD = '''"""{name}."""
import os, sys, socket, threading, time
{top}
from bonded.checks.kit import Hit, check
from bonded.values.finding import Severity

@check(name="{name}", version=1, severity=Severity.MEDIUM, sentence="A test.")
def function(facts):
    yield Hit("it ran", 0.5)
{body}
'''


def write_check(folder: Path, name: str, *, top: str = "", body: str = "    return") -> Path:
    """A check called `name` with `top` at the top of its module and `body` at the end of its function."""
    path = folder / name.replace("-", "_") / "check.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / "__init__.py").write_text("")
    path.write_text(
        _HEAD.format(name=name, top=textwrap.dedent(top), body=textwrap.indent(textwrap.dedent(body), "    "))
    )
    return path


def good(folder: Path) -> Path:
    """A check that flags `os.system` on import."""
    scaffold(folder, "good-one", "A command is run.")
    return folder / "good_one"


@dataclass
class Tried:
    """What came of scanning one archive with a folder of checks beside ours."""

    checks: list[Check]
    refused: list[Refused]
    result: ScanResult

    def of(self, name: str) -> CheckRun:
        return next(run for run in self.result.runs if run.check == name)

    @property
    def ours(self) -> list[CheckRun]:
        return [run for run in self.result.runs if run.check in {one.name for one in built_in()}]

    @property
    def words(self) -> list[str]:
        return [one.message for one in self.result.failures]


def opened(like: Sandbox, folder: Path, python: str = sys.executable) -> Sandbox:
    """The sandbox of a folder of checks."""
    return plugin_sandbox(like, Path(python), (folder,))


def attempt(like: Sandbox, folder: Path, *, cpu_seconds: float = 0.7, ours: Sequence[Check] = built_in()) -> Tried:
    """Load the folder and scan one archive with it."""
    box = opened(like, folder)
    try:
        checks, refused = survey(Place("folder", box, (folder,)))
        settings = ScanSettings(cpu_seconds=cpu_seconds, memory_bytes=256 * 2**20)
        return Tried(checks, refused, scan(wheel(FLAGGED), NAME, None, [*ours, *checks], Scanner(like, settings)))
    finally:
        box.close()
