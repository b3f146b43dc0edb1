"""Run stylelint over the sources of our style sheet, with Node from the package index, so that no Node need be installed."""

from __future__ import annotations

import shutil
import sys

from tools.node_tools import ROOT, NodeTools

TOOLS = NodeTools("stylelint")


def main() -> int:
    """stylelint's exit status."""
    TOOLS.install()
    shutil.copy(TOOLS.config / "stylelint.config.mjs", TOOLS.place / "stylelint.config.mjs")
    sheets = sorted(str(p) for p in (ROOT / "src").rglob("*.scss"))
    if not sheets:
        print("no style sheets found")
        return 1
    done = TOOLS.node(
        "node_modules/stylelint/bin/stylelint.mjs",
        "--config",
        str(TOOLS.place / "stylelint.config.mjs"),
        "--config-basedir",
        str(TOOLS.place),
        *sheets,
    )
    print(done.stdout, done.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
