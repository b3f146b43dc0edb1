"""The scaffold of a new check: a folder with everything that the kit asks for, green from the first minute."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from bonded.checks.kit import NAME

_INIT = '"""{sentence}"""\n'
_CHECK = '''"""{sentence}

**What it looks for.** Say which facts the check looks at, and what makes it sure or less sure. This example flags every call
of `os.system` that runs while the package is imported or installed.

**Why it matters.** Say what somebody could do with it, in a sentence or two, for a reviewer who sees it first.

**What is not flagged.** Name the honest uses that look alike, and how the check tells them apart.

**When it is a false alert.** Say what to ask the owner for.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.kit import Hit, at, check
from bonded.facts.model import Facts
from bonded.values.finding import Severity, When

_SOON = (When.INSTALL, When.STARTUP, When.IMPORT)


@check(
    name="{name}",
    version=1,
    severity=Severity.MEDIUM,
    sentence="{sentence}",
)
def {function}(facts: Facts) -> Iterator[Hit]:
    """One hit for each call that counts."""
    for module in facts.modules:
        for call in module.calls:
            if call.name == "os.system" and call.when in _SOON:
                yield at(module, call, "a command is run by os.system", 0.7)
'''
_FLAG = 'import os, zlib\n\nos.system("echo example.invalid")\n'
_PASS = 'import os, zlib\n\n\ndef clean():\n    os.system("echo example.invalid")\n'


_TEST = '''"""Every check of this folder, held against its samples, as an index would run it: in the sandbox."""

import subprocess
import sys
from pathlib import Path


def test_checks_say_of_their_samples_what_they_must() -> None:
    beside = Path(sys.executable).with_name("bonded")
    words = ["check", "test", "--from", str(Path(__file__).parent)]
    done = subprocess.run([beside if beside.exists() else "bonded", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
'''
_NOT_HERE = '\n"\\{}'
"""What the sentence of a new check may not hold, because it becomes part of a Python file."""
_TABLE = '[project.entry-points."bonded.checks"]'
_PROJECT = f"""[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{{project}}"
version = "1.0"
description = "Malware checks for Bonded"
requires-python = ">=3.11"

{_TABLE}

[tool.setuptools.packages.find]
namespaces = false
exclude = ["docs*", "*.samples*"]

[tool.setuptools.package-data]
"*" = ["samples/**/*", "*.txt", "*.toml", "*.json"]
"""


class CannotScaffold(Exception):
    """The name or the sentence is none for a check, it exists already, or its folder is another project."""


def scaffold(checks: Path, name: str, sentence: str) -> list[Path]:
    """Write the folder of a new check under `checks`; returns the files. Raises CannotScaffold."""
    if not NAME.match(name):
        raise CannotScaffold(f"{name!r} is no name for a check: lower-case words joined by '-'")
    if keyword.iskeyword(name):
        raise CannotScaffold(f"{name!r} is a word of Python: take more than one word")
    sentence = sentence.strip()
    sentence = sentence if sentence.endswith(".") or not sentence else sentence + "."
    if not sentence or len(sentence) > 160:
        raise CannotScaffold("say in one sentence of at most 160 characters what the check finds")
    if any(one in sentence for one in _NOT_HERE):
        raise CannotScaffold(f"the sentence is written into code: leave out {' '.join(_NOT_HERE[1:])} and line breaks")
    folder = checks / name.replace("-", "_")
    if folder.exists():
        raise CannotScaffold(f"{folder} exists already")
    values = {"name": name, "function": name.replace("-", "_"), "sentence": sentence}
    return [
        _write(folder / "__init__.py", _INIT.format(**values)),
        _write(folder / "check.py", _CHECK.format(**values)),
        _write(folder / "samples" / "flag" / "at_import.py", _FLAG),
        _write(folder / "samples" / "pass" / "when_called.py", _PASS),
    ]


def test_file(checks: Path) -> list[Path]:
    """Write the test of a folder of checks of one's own, once for all of them; [] when it is there."""
    path = checks / "test_samples.py"
    return [] if path.exists() else [_write(path, _TEST)]


def project(checks: Path, name: str) -> list[Path]:
    """Have the folder of checks be a package that installs them: write its pyproject.toml, or add the check to it.

    Raises CannotScaffold when there is a pyproject.toml that declares no checks.
    """
    path = may_be_project(checks)
    words = re.sub(r"[^a-z0-9]+", "-", checks.resolve().name.lower()).strip("-") or "checks"
    text = path.read_text("utf-8") if path.exists() else _PROJECT.format(project=words)
    return [_write(path, text.replace(_TABLE, f'{_TABLE}\n{name} = "{name.replace("-", "_")}.check"', 1))]


def may_be_project(checks: Path) -> Path:
    """Where the folder's pyproject.toml is, or is to be. Raises CannotScaffold for one that declares no checks."""
    path = checks / "pyproject.toml"
    if path.exists() and _TABLE not in path.read_text("utf-8"):
        raise CannotScaffold(f"{path} has no table {_TABLE}; add it, and this will add the check to it")
    return path


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path
