"""Make the style sheet and the script of our pages from their sources: `python -m tools.build_assets`.

Sources are in `src/bonded/web/assets`, what is made of them in `src/bonded/web/static`, committed: so running Bonded needs no
Node. `--check` writes nothing and exits 1 where a committed file is not what its sources make; a test does the same.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tools.node_tools import ROOT, NodeTools

WEB = ROOT / "src" / "bonded" / "web"
SOURCES, STATIC = WEB / "assets", WEB / "static"
TOOLS = NodeTools("assets")
TARGETS = "chrome109,firefox115,safari16.4"
HEAD = "/* Made from src/bonded/web/assets by tools/build_assets.py. */\n"
SCRIPT_HEAD = (
    "/* Made from src/bonded/web/assets by tools/build_assets.py. "
    "With Stimulus 3.2.2, MIT licence, Copyright 2021 Basecamp, LLC (NOTICE). */\n"
)


def build() -> dict[str, str]:
    """Every made file by its name, as text. Raises SystemExit with the words of the tool that refused."""
    TOOLS.install()
    return {"bonded.css": _styles("bonded"), "style.css": _styles("style"), "bonded.js": _script()}


def main(arguments: list[str]) -> int:
    """Write, or compare (`--check`). Returns the exit status."""
    made = build()
    if "--check" not in arguments:
        for name, text in made.items():
            (STATIC / name).write_text(text)
        return 0
    old = [name for name, text in made.items() if not _same(STATIC / name, text)]
    for name in old:
        sys.stderr.write(f"static/{name} is not what its sources make: run python -m tools.build_assets\n")
    return 1 if old else 0


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


def _styles(name: str) -> str:
    plain = _output(
        TOOLS.node(
            "node_modules/sass/sass.js", "--no-source-map", "--no-charset", str(SOURCES / "scss" / f"{name}.scss")
        )
    )
    # Sass writes for people; the second tool writes for the wire, and knows what older browsers need.
    sheet = TOOLS.place / f"{name}.css"
    sheet.write_text(plain)
    return HEAD + _output(_esbuild(str(sheet)))


def _script() -> str:
    return SCRIPT_HEAD + _output(_esbuild(str(SOURCES / "js" / "bonded.js"), "--bundle", "--format=esm"))


def _esbuild(*words: str) -> object:
    binary = next((TOOLS.place / "node_modules" / "@esbuild").glob("*/bin/esbuild"))
    os.environ["NODE_PATH"] = str(TOOLS.place / "node_modules")  # sources are not beside the packages that they import
    name = str(binary.relative_to(TOOLS.place / "node_modules"))
    return TOOLS.program(name, *words, "--minify", "--charset=utf8", f"--target={TARGETS}", "--legal-comments=none")


def _output(done: object) -> str:
    if done.returncode:  # type: ignore[attr-defined]
        raise SystemExit(done.stderr)  # type: ignore[attr-defined]
    return str(done.stdout)  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
