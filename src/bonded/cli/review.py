"""`bonded review`: what the administrator's console does, on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bonded.cli.options import directory_option, json_option, print_json

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bonded.review.evidence import Evidence
    from bonded.review.queue import Case, CaseFile, CaseLine

TARGETS = click.argument("targets", nargs=-1, required=True, metavar="CASE|FILENAME...")
REASON = click.option("--reason", required=True, help="Kept in the journal, and told to the owners.")


@click.group()
def review() -> None:
    """Decide about held files."""


@review.command("list")
@click.option("--closed", is_flag=True, help="Closed cases instead of open ones.")
@click.option("--project", help="Only this project.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@directory_option
@json_option
def list_cases(closed: bool, project: str | None, limit: int, directory: Path, as_json: bool) -> None:
    """List cases, the highest score first: number, project, files that wait, score, and the top reason."""
    from bonded.review.queue import cases
    from bonded.values.names import normalize
    from bonded.wiring import open_house

    house = open_house(directory)
    key = normalize(project) if project else None
    with house.db.read() as conn:
        lines, _ = cases(conn, state="closed" if closed else "open", project=key, limit=limit)
    if as_json:
        print_json([_line_json(line) for line in lines])
        return
    for line in lines:
        click.echo(
            f"{line.id}\t{line.project_key}\t{line.waiting} of {line.files} wait\t{line.score:.2f}\t{line.headline}"
        )


@review.command("show")
@click.argument("number", type=int, metavar="CASE")
@directory_option
@json_option
def show(number: int, directory: Path, as_json: bool) -> None:
    """Show a case: its files, what policy said, and the findings with the most telling first."""
    from bonded.review.queue import case
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.read() as conn:
        found = case(conn, number)
    if as_json:
        print_json(_case_json(found))
    else:
        _print_case(found)


@review.command("release")
@TARGETS
@REASON
@directory_option
def release(targets: tuple[str, ...], reason: str, directory: Path) -> None:
    """Make files public: all of a case that nobody decided about, or those named."""
    _act("release", targets, reason, directory)


@review.command("quarantine")
@TARGETS
@REASON
@directory_option
def quarantine(targets: tuple[str, ...], reason: str, directory: Path) -> None:
    """Withdraw public files at once; reversible."""
    _act("quarantine", targets, reason, directory)


@review.command("reject")
@TARGETS
@REASON
@directory_option
def reject(targets: tuple[str, ...], reason: str, directory: Path) -> None:
    """Refuse held files; reversible."""
    _act("reject", targets, reason, directory)


@review.command("remove")
@TARGETS
@REASON
@directory_option
def remove(targets: tuple[str, ...], reason: str, directory: Path) -> None:
    """Remove files for good."""
    _act("remove", targets, reason, directory)


@review.command("reopen")
@TARGETS
@REASON
@directory_option
def reopen(targets: tuple[str, ...], reason: str, directory: Path) -> None:
    """Put rejected files back under review."""
    _act("reopen", targets, reason, directory)


@review.command("ask-owner")
@TARGETS
@REASON
@directory_option
def ask_owner(targets: tuple[str, ...], reason: str, directory: Path) -> None:
    """Ask the owners about files; the reason is the question."""
    _act("ask_owner", targets, reason, directory)


def _act(act: str, targets: tuple[str, ...], reason: str, directory: Path) -> None:
    from bonded.review import decide
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.write() as tx:
        names = _files(tx, targets, decided=act == "reopen")
        getattr(decide, act)(tx, OPERATOR, list(names), reason=reason, now=house.clock())
    for filename in sorted(names.values()):
        click.echo(f"{act.replace('_', '-')}: {filename}", err=True)


def _files(conn: Connection, targets: tuple[str, ...], *, decided: bool) -> dict[str, str]:
    """File id -> name of what was meant. A number is a case: its files that nobody (or, with `decided`, somebody) settled."""
    from bonded.catalog import read
    from bonded.catalog.rules import NO_SUCH_FILE
    from bonded.review.queue import case
    from bonded.values.refusals import Refusal

    found: dict[str, str] = {}
    for target in targets:
        if target.isdigit():
            found |= {f.file.id: f.file.filename for f in case(conn, int(target)).files if f.settled is decided}
            continue
        file = read.file_by_name(conn, target)
        if file is None:
            raise Refusal(NO_SUCH_FILE, f"there is no file {target}")
        found[file.id] = file.filename
    return found


def _print_case(found: Case) -> None:
    line = found.line
    click.echo(f"case {line.id} ({line.state}): {line.project_name}, score {line.score:.2f}: {line.headline}")
    for file in found.files:
        said = f"policy said {file.judged.verdict} ({file.judged.score:.2f})" if file.judged else "no verdict"
        decided = f"; {file.decided.action.removeprefix('review.')}: {file.decided.reason}" if file.decided else ""
        click.echo(f"  {file.file.filename}: {file.file.state}; {said}{decided}")
    for number, evidence in enumerate(found.findings, start=1):
        f = evidence.finding
        where = f"{f.path}:{f.line}" if f.line else f.path
        click.echo(f"{number}. {f.check} ({f.severity}, {f.confidence:.0%}, runs: {f.when}) {where}")
        click.echo(f"   {_visible(f.message)}")
        for text in f.excerpt.splitlines()[:12]:
            click.echo(f"   | {_visible(text)}")


def _visible(text: str) -> str:
    """Text of packages on a terminal: control and direction characters are written out, so that nothing can hide."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _line_json(line: CaseLine) -> dict[str, Any]:
    return {
        "case": line.id,
        "project": line.project_key,
        "state": line.state,
        "score": line.score,
        "headline": line.headline,
        "opened_at": line.opened_at,
        "files": line.files,
        "waiting": line.waiting,
    }


def _case_json(found: Case) -> dict[str, Any]:
    return _line_json(found.line) | {
        "files": [_file_json(file) for file in found.files],
        "findings": [_finding_json(evidence) for evidence in found.findings],
    }


def _file_json(file: CaseFile) -> dict[str, Any]:
    return {
        "filename": file.file.filename,
        "sha256": file.file.sha256,
        "state": file.file.state,
        "verdict": file.judged.verdict if file.judged else None,
        "score": file.judged.score if file.judged else None,
        "terms": [list(term) for term in file.judged.terms] if file.judged else [],
        "decided": file.decided.action if file.decided else None,
    }


def _finding_json(evidence: Evidence) -> dict[str, Any]:
    f = evidence.finding
    return {
        "check": f.check,
        "version": f.version,
        "severity": f.severity,
        "confidence": f.confidence,
        "when": f.when,
        "path": f.path,
        "line": f.line,
        "end_line": f.end_line,
        "message": f.message,
        "excerpt": f.excerpt,
        "trace": list(f.trace),
        "deciding": evidence.deciding,
    }
