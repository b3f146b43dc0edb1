"""The command line begins quickly: what only some commands need is loaded by those, when they run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import bonded.cli

SLOW = ("alembic", "cryptography", "pyramid", "securesystemslib", "sqlalchemy", "tuf", "yara_x")
ON_NEED = {"failures", "moving"}
"""Loaded by a command that fails, and by one that moves a database."""


def test_reading_the_commands_loads_no_library_that_takes_long() -> None:
    names = sorted({path.stem for path in Path(bonded.cli.__file__).parent.glob("*.py")} - ON_NEED - {"__init__"})
    assert len(names) > 20
    program = f"""
import importlib, sys
for name in {names!r}:
    importlib.import_module(f"bonded.cli.{{name}}")
print([one for one in {SLOW!r} if one in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), ("serve", "--help"), ("tuf", "status", "--help")], ids=" ".join
)
def test_asking_for_help_loads_no_library_that_takes_long(arguments: tuple[str, ...]) -> None:
    program = f"""
import sys
sys.argv[1:] = {list(arguments)!r}
from bonded.cli import main
try:
    main()
except SystemExit as ended:
    assert not ended.code
print([one for one in {SLOW!r} if one in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"
