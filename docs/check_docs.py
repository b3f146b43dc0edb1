"""Build the documentation with warnings as errors, and run or resolve every command and path in it.

A fenced block of kind `console` (lines that begin with `$ `) or `sh` is run, from top to bottom of its page, in a scratch
folder that the page has for itself; every command must exit 0. A comment on the line before says otherwise:

    <!-- check: server -->    a running index is there: its address stands for https://packages.example.org/ and
                              http://localhost:8000/, its data directory for /srv/bonded; root.json and example/ (the
                              project example 1.0, which alice has published) lie in the folder, and $BONDED_TOKEN is hers
    <!-- check: resolve -->   not run (it needs root, another machine, or never ends): program, subcommands and options
                              must exist
    <!-- check: fails -->     run, and must fail

Words in `code` that begin with a folder of the repository, or with a room, must exist there.
`python docs/check_docs.py [--no-build] [--no-run] [PAGE ...]`
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from docs.resolve_commands import problem_of  # noqa: E402
from docs.scratch import Scratch  # noqa: E402

FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>```+) *(?:\{[^}]*\})? *(?P<kind>[\w+-]*)")
MARK = re.compile(r"<!-- check: (server|resolve|fails)\b[^>]*-->")
NEVER_ENDS = re.compile(r"^(bonded (serve|web|worker|publisher|refresher|signer)|\./dev|git clone|tail -f)\b")
FOLDERS = ("src", "tests", "docs", "client", "tools", "bench", "deploy", "requirements", "changelog.d")
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """A fenced block. `line` counts from 1; `mark` is "" or what the comment before it says."""

    page: Path
    line: int
    kind: str
    mark: str
    text: str

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """All pages written by people or from the code, the ones at the root of the repository included."""
    return sorted((ROOT / "docs").rglob("*.md")) + [
        ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "client/README.md")
    ]


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    lines = page.read_text("utf-8").splitlines()
    mark, at = "", 0
    while at < len(lines):
        opening = FENCE.match(lines[at])
        if opening is None:
            if lines[at].strip():
                found = MARK.search(lines[at])
                mark = found[1] if found else ""
            at += 1
            continue
        end = at + 1
        while end < len(lines) and lines[end].strip() != opening["ticks"]:
            end += 1
        yield Block(page, at + 1, opening["kind"], mark, "\n".join(lines[at + 1 : end]))
        mark, at = "", end + 1


def commands(block: Block) -> list[str]:
    """The commands of a block, continued lines joined; [] when it is no block of commands."""
    text = block.text.replace("\\\n", " ")
    lines = [
        " ".join(line.split()) if "'" not in line and '"' not in line else line.strip() for line in text.splitlines()
    ]
    if block.kind == "console":
        return [line[2:].strip() for line in lines if line.startswith("$ ")]
    if block.kind == "sh":
        return [line for line in lines if line and not line.startswith("#")]
    return []


def paths(page: Path) -> Iterator[tuple[int, str]]:
    """Paths of the repository in `code` on a page, outside fenced blocks, with their lines."""
    fenced = ""
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        opening = FENCE.match(line)
        if fenced:
            fenced = "" if line.strip() == fenced else fenced
        elif opening:
            fenced = opening["ticks"]
        else:
            yield from ((number, word) for code in CODE.findall(line) if (word := _path_in(code)))


def _path_in(code: str) -> str:
    """The repository path that `code` is, "" when it is none."""
    word = code.split("::")[0].split(":")[0].rstrip("/")
    head, slash, _ = word.partition("/")
    rooms = {path.parent.name for path in (ROOT / "src/bonded").glob("*/__init__.py")}
    if not slash or not re.fullmatch(r"[\w./*-]+", word):
        return ""
    if head in FOLDERS:
        return word
    return f"src/bonded/{word}" if head in rooms and word.endswith((".py", ".html", "*")) else ""


def missing_paths(page: Path) -> list[str]:
    """One line for each path on `page` that is not in the repository."""
    found = []
    for number, word in paths(page):
        there = any(ROOT.glob(word)) if "*" in word else (ROOT / word).exists()
        if not there:
            found.append(f"{page.relative_to(ROOT)}:{number}: there is no {word}")
    return found


def check_page(page: Path, *, run: bool) -> list[str]:
    """Run or resolve every command of a page; one line for each that is wrong."""
    found = []
    with Scratch(ROOT) as scratch:
        for block in blocks(page):
            for command in commands(block):
                wrong = _check(scratch, block, command, run=run)
                if wrong:
                    found.append(f"{block.where}: {command}\n    {wrong}")
    return found


def _check(scratch: Scratch, block: Block, command: str, *, run: bool) -> str:
    """What is wrong with one command, "" when nothing is."""
    wrong = problem_of(command)
    if wrong or not run or block.mark == "resolve" or NEVER_ENDS.match(command):
        return wrong
    if block.mark == "server":
        scratch.start_index()
    status, said = scratch.run(command)
    if (status == 0) == (block.mark == "fails"):
        return f"exit status {status}: {said.strip()[-1500:]}"
    return ""


def build() -> int:
    """Build the pages; Sphinx says what is wrong. Returns its exit status."""
    out = ROOT / "var/docs"
    shutil.rmtree(out, ignore_errors=True)
    with tempfile.TemporaryDirectory() as trees:
        words = [
            sys.executable,
            "-m",
            "sphinx",
            "-W",
            "--keep-going",
            "-q",
            "-b",
            "html",
            "-d",
            trees,
            ROOT / "docs",
            out,
        ]
        return subprocess.run(list(map(str, words)), check=False).returncode


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--no-build", action="store_true", help="do not build the pages")
    parser.add_argument("--no-run", action="store_true", help="resolve all commands, run none")
    parser.add_argument("page", nargs="*", type=Path, help="only these pages")
    options = parser.parse_args()
    chosen = [path.resolve() for path in options.page] or pages()
    failed = 0 if options.no_build else build()
    wrong: list[str] = []
    for page in chosen:
        wrong += missing_paths(page) + check_page(page, run=not options.no_run)
    print("\n".join(wrong) or f"{len(chosen)} pages: {sum(_counts(chosen))} commands and paths are right")  # noqa: T201
    return int(bool(wrong or failed))


def _counts(chosen: list[Path]) -> Iterator[int]:
    for page in chosen:
        yield sum(len(commands(block)) for block in blocks(page)) + len(list(paths(page)))


if __name__ == "__main__":
    sys.exit(main())
