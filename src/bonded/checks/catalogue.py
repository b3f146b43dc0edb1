"""The catalogue of all checks: one page that says what each finds, how grave it is, and what it costs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from bonded.checks import trial
from bonded.checks.kit import Check
from bonded.values.finding import Severity

NAME = "catalogue.md"
NOTE = "<!-- Written by `bonded check pages` from the code. Change it there. -->"
_LEGEND = """State is the one that a check begins in. Cost is the processor time for the most costly of its samples, once the facts
about the archive are made; `bonded check test` measures it here and now."""
_ROW = re.compile(r"^\| \[([a-z0-9-]+)\]\([^)]*\) \|.*\| ([\d.]+) ms \|")
_GRAVEST = list(Severity)[::-1]
_TIMES = 3
"""Measured so often; the least counts, for a machine that does other things is slower and never faster."""
STEADY = 5.0
"""A figure that is written down stays until the measured one differs by more than this factor."""

BEHAVIOURS: dict[str, tuple[str, ...]] = {
    "Hidden code is run": ("decoded-or-downloaded-code-executed", "obfuscated-code", "byte-code-without-source"),
    "Something is fetched and run": (
        "decoded-or-downloaded-code-executed",
        "hostile-script",
        "hidden-process",
        "installs-by-itself",
    ),
    "A program is dropped and run": ("dropped-program-run", "shipped-binary"),
    "Code runs at install or start-up": ("install-time-execution", "startup-hook"),
    "Data leave, and orders come in": (
        "private-data-sent",
        "given-secret-sent",
        "remote-shell",
        "questionable-destination",
        "secrets-collected",
    ),
    "People are watched": ("person-watched",),
    "It stays, or does harm": (
        "starts-by-itself",
        "publishes-by-itself",
        "destructive-command",
        "native-code-injection",
    ),
    "Binaries without source": ("shipped-binary", "byte-code-without-source"),
    "Names that deceive": (
        "name-deception",
        "combosquat",
        "homoglyph-name",
        "import-name-shadowing",
        "console-script-shadowing",
        "namespace-lookalike",
        "dependency-confusion",
        "requirement-deception",
    ),
    "Copies of popular projects": ("trojanised-clone", "deceptive-metadata"),
    "Metadata that deceive": (
        "deceptive-metadata",
        "repository-mismatch",
        "placeholder-metadata",
        "self-described-attack",
    ),
    "Divergence from the source, or from the release before": (
        "release-divergence",
        "publisher-change",
        "provenance-lost",
        "sdist-wheel-divergence",
        "record-mismatch",
    ),
    "Archives that are read differently": ("unreadable-archive", "record-mismatch"),
    "Spam": ("spam-project",),
}
"""Behaviour -> the checks that look for it, most telling first; a check that is in none is listed under "Others"."""
OTHERS = "Others"


def behaviours_of(name: str) -> list[str]:
    """The behaviours that a check looks for."""
    return [behaviour for behaviour, names in BEHAVIOURS.items() if name in names] or [OTHERS]


def costs_in(page: str) -> dict[str, float]:
    """What the page says that each check costs, in milliseconds."""
    return {found[1]: float(found[2]) for line in page.splitlines() if (found := _ROW.match(line))}


def measure(checks: Iterable[Check], written: Mapping[str, float]) -> dict[str, float]:
    """Milliseconds of each check for the most costly of its samples; what is written stays while it is about right."""
    found = {}
    for one in checks:
        now = min(trial.attempt(one, rewrites=False).most for _ in range(_TIMES))
        found[one.name] = to_write(max(now, 0.01), written.get(one.name))
    return found


def to_write(now: float, written: float | None) -> float:
    """The milliseconds to write where `now` were measured: what is written while it is about right, else one digit."""
    if written is not None and written / STEADY <= now <= written * STEADY:
        return written
    return float(f"{now:.1g}")


def page(checks: Iterable[Check], costs: Mapping[str, float], file: Mapping[str, str]) -> str:
    """The page in Markdown. `costs` are milliseconds by check, `file` the name of each check's own page."""
    every = sorted(checks, key=lambda one: (_GRAVEST.index(one.severity), one.name))
    head = "| check | severity | about | state | needs | cost | finds |\n| --- | --- | --- | --- | --- | --- | --- |"
    rows = [_row(one, costs.get(one.name, 0.0), file[one.name]) for one in every]
    parts = [
        "# All checks",
        NOTE,
        _LEGEND,
        "\n".join([head, *rows]),
        "## By behaviour",
        *_by_behaviour(every, file),
    ]
    return "\n\n".join(parts) + "\n"


def _row(one: Check, cost: float, file: str) -> str:
    needs = (
        "an index" if one.needs_context else "the archive; an index tells more" if one.uses_context else "the archive"
    )
    state = "evaluation" if one.origin else "enabled"
    cells = (f"[{one.name}]({file})", one.severity.value, one.subject.value, state, needs, f"{cost:g} ms", one.sentence)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _by_behaviour(every: list[Check], file: Mapping[str, str]) -> list[str]:
    parts = []
    for behaviour in (*BEHAVIOURS, OTHERS):
        wanted = BEHAVIOURS.get(behaviour, ())
        own = [one.name for one in every if behaviour in behaviours_of(one.name)]
        own.sort(key=lambda name: wanted.index(name) if name in wanted else 0)
        if own:
            parts.append(f"**{behaviour}.** " + ", ".join(f"[{name}]({file[name]})" for name in own) + ".")
    return parts
