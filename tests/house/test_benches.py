"""Benches are run by hand: each must still begin after what it uses was renamed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ELSEWHERE = {"scan_fetch"}
"""Run by a Python that has pip, as they say; ours has none."""


def test_every_bench_can_begin() -> None:
    names = sorted(path.stem for path in (ROOT / "bench").glob("*.py") if path.stem not in ELSEWHERE)
    assert "visible" in names
    code = "import importlib, sys; [importlib.import_module(f'bench.{name}') for name in sys.argv[1:]]"
    done = subprocess.run([sys.executable, "-c", code, *names], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
