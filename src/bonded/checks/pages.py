"""The documentation page of a check, made from its declaration, its docstring and its samples. Pure."""

from __future__ import annotations

from pathlib import Path

from bonded.checks import catalogue, harness
from bonded.checks.kit import Check

NOTE = "<!-- Written by `bonded check pages` from the code. Change it there. -->"
_LONGEST = 30
"""Lines of a sample that is shown."""


def filename(one: Check) -> str:
    """The name of the page's file."""
    return f"check-{one.name}.md"


def page(one: Check) -> str:
    """The page in Markdown."""
    alone = "the archive; it knows more with an index around it" if one.uses_context else "the archive alone"
    context = "an index around it; `bonded scan` does not run it" if one.needs_context else alone
    head = "| version | severity | about | needs |\n| --- | --- | --- | --- |"
    table = f"{head}\n| {one.version} | {one.severity.value} | a {one.subject.value} | {context} |"
    rows = [f"# {one.name}", NOTE, table, one.documentation]
    for kind, heading in ((harness.FLAG, "A sample that is flagged"), (harness.PASS, "A sample that is not")):
        shown = _sample(one, kind)
        rows += [f"## {heading}", shown] if shown else []
    return "\n\n".join(rows) + "\n"


def _sample(one: Check, kind: str) -> str:
    """The first sample of a kind that is one short file."""
    for sample in harness.samples(one):
        if sample.expected == kind and sample.path.is_file():
            try:
                lines = sample.path.read_text("utf-8").rstrip().splitlines()
            except UnicodeDecodeError:
                continue
            if len(lines) <= _LONGEST and max(map(len, lines), default=0) <= 160:
                language = {".py": "python", ".toml": "toml"}.get(sample.path.suffix, "text")
                return f"`{sample.path.name}`\n\n```{language}\n" + "\n".join(lines) + "\n```"
    return ""


def write(folder: Path, checks: tuple[Check, ...]) -> list[Path]:
    """Write the pages of all checks and their catalogue into `folder`; pages of checks that are gone are removed. Returns
    the pages that are there now."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {folder / filename(one): page(one) for one in checks}
    wanted[folder / catalogue.NAME] = list_all(folder, checks, measured=True)
    for old in folder.glob("check-*.md"):
        if old not in wanted:
            old.unlink()
    for path, text in wanted.items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
    return sorted(wanted)


def list_all(folder: Path, checks: tuple[Check, ...], *, measured: bool) -> str:
    """The catalogue with the costs that are written in `folder`, and, if `measured`, new ones where those are wrong."""
    path = folder / catalogue.NAME
    costs = catalogue.costs_in(path.read_text("utf-8")) if path.exists() else {}
    if measured:
        costs = catalogue.measure(checks, costs)
    return catalogue.page(checks, costs, {one.name: filename(one) for one in checks})
