"""The command line begins quickly: what only some commands need is loaded by those."""

from __future__ import annotations

import subprocess
import sys

SLOW = ("alembic", "cryptography", "pyramid", "securesystemslib", "sqlalchemy", "tuf", "yara_x")


def test_naming_a_command_loads_no_library_that_takes_long() -> None:
    program = f"import sys, bonded.cli; print([one for one in {SLOW!r} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
