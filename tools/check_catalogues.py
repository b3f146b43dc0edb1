"""Every translation catalogue passes `msgfmt --check` (placeholders, plural forms, headers)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> int:
    """0 when all pass; what msgfmt says goes to standard output."""
    msgfmt = shutil.which("msgfmt")
    if msgfmt is None:
        print("msgfmt is missing: run ./dev setup")
        return 1
    catalogues = sorted([*(ROOT / "src").rglob("*.po"), *(ROOT / "src").rglob("*.pot")])
    status = 0 if catalogues else 1
    for path in catalogues:
        done = subprocess.run(
            [msgfmt, "--check", "-o", "/dev/null", str(path)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(path.relative_to(ROOT), done.stderr)
            status = 1
    print(f"{len(catalogues)} catalogues checked")
    return status


if __name__ == "__main__":
    sys.exit(main())
