"""`bonded review`: what the administrator's console does, on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bonded.cli.options import ROW, directory_option, json_option, print_json

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bonded.review.evidence import Evidence
    from bonded.review.queue import Case, CaseFile, CaseLine

TARGETS = click.argument("targets", nargs=-1, required=True, metavar="CASE|FILENAME...")
REASON = click.option("--reason", required=True, help="Kept in the journal, and told to the owners.")
LEVEL = click.option(
    "--level",
    type=click.Choice(["file", "release", "project", "uploader"]),
    default="file",
    show_default=True,
    help="How far it reaches from the files that were named.",
)


@click.group()
def review() -> None:
    """Decide about held files."""


@review.command("list")
@click.option("--closed", is_flag=True, help="Closed cases instead of open ones.")
@click.option("--project", help="Only this project.")
@click.option("--uploader", help="Only cases with a file of this person.")
@click.option("--check", help="Only cases in which this check found something.")
@click.option("--campaign", type=ROW, help="Only cases of this campaign.")
@click.option("--sort", type=click.Choice(["score", "oldest", "newest"]), default="score", show_default=True)
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@directory_option
@json_option
def list_cases(
    closed: bool,
    project: str | None,
    uploader: str | None,
    check: str | None,
    campaign: int | None,
    sort: str,
    limit: int,
    directory: Path,
    as_json: bool,
) -> None:
    """List cases, the highest score first: number, project, files that wait, score, and the top reason."""
    from bonded.accounts import people
    from bonded.review.queue import cases
    from bonded.values.names import normalize
    from bonded.wiring import open_house

    house = open_house(directory)
    state = "closed" if closed else "open"
    key = normalize(project) if project else None
    with house.db.read() as conn:
        person = people.by_name(conn, uploader) if uploader else None
        whose = (person.id if person else "nobody") if uploader else None
        lines, _ = cases(
            conn, state=state, project=key, uploader=whose, check=check, campaign=campaign, sort=sort, limit=limit
        )
    if as_json:
        print_json([_line_json(line) for line in lines])
        return
    for line in lines:
        words = f"{line.waiting} of {line.files} wait\t{line.score:.2f}\t{visible(line.headline)}"
        click.echo(f"{line.id}\t{line.project_key}\t{words}")


@review.command("show")
@click.argument("number", type=ROW, metavar="CASE")
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
@LEVEL
@REASON
@directory_option
@json_option
def release(targets: tuple[str, ...], level: str, reason: str, directory: Path, as_json: bool) -> None:
    """Make files public: all of a case that nobody decided about, or those named."""
    _act("release", targets, level, reason, directory, as_json=as_json)


@review.command("quarantine")
@TARGETS
@LEVEL
@REASON
@directory_option
@json_option
def quarantine(targets: tuple[str, ...], level: str, reason: str, directory: Path, as_json: bool) -> None:
    """Withdraw public files at once; reversible."""
    _act("quarantine", targets, level, reason, directory, as_json=as_json)


@review.command("reject")
@TARGETS
@LEVEL
@REASON
@directory_option
@json_option
def reject(targets: tuple[str, ...], level: str, reason: str, directory: Path, as_json: bool) -> None:
    """Refuse held files; reversible."""
    _act("reject", targets, level, reason, directory, as_json=as_json)


@review.command("remove")
@TARGETS
@LEVEL
@REASON
@directory_option
@json_option
def remove(targets: tuple[str, ...], level: str, reason: str, directory: Path, as_json: bool) -> None:
    """Remove files for good."""
    _act("remove", targets, level, reason, directory, as_json=as_json)


@review.command("reopen")
@TARGETS
@LEVEL
@REASON
@directory_option
@json_option
def reopen(targets: tuple[str, ...], level: str, reason: str, directory: Path, as_json: bool) -> None:
    """Put rejected files back under review."""
    _act("reopen", targets, level, reason, directory, as_json=as_json)


@review.command("ask-owner")
@TARGETS
@LEVEL
@REASON
@directory_option
@json_option
def ask_owner(targets: tuple[str, ...], level: str, reason: str, directory: Path, as_json: bool) -> None:
    """Ask the owners about files; the reason is the question."""
    _act("ask-owner", targets, level, reason, directory, as_json=as_json)


def _act(act: str, targets: tuple[str, ...], level: str, reason: str, directory: Path, *, as_json: bool) -> None:
    from bonded.review import scope
    from bonded.values.who import OPERATOR
    from bonded.wiring import open_house

    house = open_house(directory)
    with house.db.write() as tx:
        chosen = _files(tx, targets, decided=act == "reopen")
        about = scope.reach(tx, act, chosen, scope.Level(level))
        done = scope.carry_out(tx, OPERATOR, act, about, reason=reason, now=house.clock())
    names = sorted(one.filename for one in about.files)
    if as_json:
        print_json({"act": act, "files": names, "projects": list(about.projects), "journal": done})
        return
    for name in [*about.projects, *names]:
        click.echo(f"{act}: {name}", err=True)


def _files(conn: Connection, targets: tuple[str, ...], *, decided: bool) -> dict[str, str]:
    """File id -> name of what was meant. A number is a case: its files that nobody (or, with `decided`, somebody) settled."""
    from bonded.catalog import read
    from bonded.catalog.rules import NO_SUCH_FILE
    from bonded.review.decide import NOTHING_CHOSEN
    from bonded.review.queue import case
    from bonded.values.refusals import Refusal

    found: dict[str, str] = {}
    for target in targets:
        if target.isascii() and target.isdigit() and len(target) < 19:
            found |= {f.file.id: f.file.filename for f in case(conn, int(target)).files if f.settled is decided}
            continue
        file = read.file_by_name(conn, target)
        if file is None:
            raise Refusal(NO_SUCH_FILE, f"there is no file {target}")
        found[file.id] = file.filename
    if not found:
        words = "nobody has decided about a file" if decided else "somebody has decided about every file"
        raise Refusal(NOTHING_CHOSEN, f"{words} of {' and '.join(f'case {one}' for one in targets)}: name the files")
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
        click.echo(f"   {visible(f.message)}")
        for text in f.excerpt.splitlines()[:12]:
            click.echo(f"   | {visible(text)}")


def visible(text: str) -> str:
    """Text of packages on a terminal: control and direction characters are written out, so that nothing can hide."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _line_json(line: CaseLine) -> dict[str, Any]:
    return {
        "case": line.id,
        "campaign": line.campaign_id,
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
        "finding": evidence.id,
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
