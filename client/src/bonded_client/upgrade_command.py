"""The words of `bonded-client upgrade`: which packages have known vulnerabilities, and which release of each has none."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.pylock import is_valid_pylock_path

from bonded_client import dependency_options
from bonded_client.additions import completed
from bonded_client.failures import printable
from bonded_client.packages import Package
from bonded_client.page import File
from bonded_client.pinned import PinnedFile, line, rewritten
from bonded_client.plan import Held, Offer, Plan, Task, plan
from bonded_client.released import Release, Releases, Standing
from bonded_client.trust import Trust

_UNKNOWN = {
    Standing.PROJECT_UNKNOWN: "the index has no such project",
    Standing.RELEASE_UNKNOWN: "the index has no such release",
    Standing.QUARANTINED: "the index has put the project into quarantine",
    Standing.LOCAL: "it comes from a folder or a repository",
}


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to tell. `files`: of each package that moves or is added, those of its new release."""

    packages: Mapping[str, Package]
    releases: Mapping[str, Release]
    plan: Plan
    files: Mapping[str, list[File]]


def add(commands: Any) -> None:
    """Add the command to those of the parser."""
    parser = commands.add_parser(
        "upgrade",
        help="the lowest releases without known vulnerabilities that fit",
        description="Exit status: 0 when nothing is vulnerable or all can be repaired, 1 when something cannot, 2 on misuse.",
    )
    dependency_options.add(parser)
    parser.add_argument(
        "--write",
        type=_target,
        metavar="FILE",
        help="write requirements with hashes: of what changes; with -r, the whole file with the lines that change",
    )
    parser.add_argument("--json", action="store_true", help="print the plan as one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, trust: Trust) -> int:
    """Run the command; returns its exit status."""
    python, found, file = dependency_options.packages(options)
    releases = Releases(trust, python, own_targets=options.own_targets)
    known = dependency_options.asked(found, releases)
    vulnerable = [name for name, release in known.items() if release.known]
    if file is not None and vulnerable:
        found = dependency_options.described(found, releases)
    whole = file is None or file.hashed

    def offers(name: str) -> Iterator[Offer]:
        for offer in releases.offers(found.packages[name]):
            yield completed(name, offer, found.packages, python.environment, releases.newest) if whole else offer

    made = plan(Task(found.packages, vulnerable, offers, python.environment, whole))
    after = {name: offer.version for name, offer in made.moves.items()}
    after |= {name: package.version for name, package in made.added.items()}
    files = {name: releases.files(name, version) for name, version in after.items()}
    report = Report(found.packages, known, made, files)
    if options.write:
        dependency_options.keep(options.write, _file(report, file))
    print(_json(report, trust.index.url, python.version) if options.json else _text(report), flush=True)  # noqa: T201
    for sentence in (*found.notes, *_unsaid(report)):
        dependency_options.note(sentence)
    return 1 if made.held else 0


def _target(text: str) -> Path:
    if is_valid_pylock_path(Path(text)):
        raise argparse.ArgumentTypeError("it writes requirements, not a lock file: choose another name")
    return Path(text)


def _file(report: Report, file: PinnedFile | None) -> str:
    moves = report.plan.moves
    hashes = {name: [one.sha256 for one in files] for name, files in report.files.items()}
    versions = {name: offer.version for name, offer in moves.items()}
    added = {name: package.version for name, package in report.plan.added.items()}
    if file is None or not file.lines:
        return "".join(line(name, version, hashes[name]) for name, version in sorted({**versions, **added}.items()))
    text = rewritten(file, {name: (version, hashes[name]) for name, version in versions.items()})
    newline = "\r\n" if "\r\n" in text else "\n"
    more = "".join(line(name, version, hashes[name]) for name, version in sorted(added.items())).replace("\n", newline)
    return text + (newline if more and not text.endswith("\n") else "") + more


def _text(report: Report) -> str:
    if not report.plan.moves and not report.plan.held:
        many = len(report.packages)
        return f"No known vulnerabilities in {many} package{'' if many == 1 else 's'}."
    lines = []
    for name, offer in sorted(report.plan.moves.items()):
        built = "; what it needs is known only once it is built" if offer.requires is None else ""
        lines.append(f"{name} {report.packages[name].version} -> {offer.version}  ({_ids(report, name)}){built}")
    lines += [f"{name} {package.version} is added" for name, package in sorted(report.plan.added.items())]
    for name, held in sorted(report.plan.held.items()):
        lines.append(
            f"{name} {report.packages[name].version} stays  ({_ids(report, name)}): {_why(report, name, held)}"
        )
    return "\n".join(printable(line) for line in lines)


def _ids(report: Report, name: str) -> str:
    return ", ".join(one.id for one in report.releases[name].known or ())


def _why(report: Report, name: str, held: Held) -> str:
    if held.offer is None:
        return "no later release is without known vulnerabilities, not yanked, and for this Python"
    reasons = []
    for need in held.conflicts:
        there = report.plan.moves.get(need.of) or report.packages.get(need.of)
        here = "" if need.of == name else f", and {need.of} is {there.version if there else 'not to be had'}"
        reasons.append(f"{need}{here}")
    return f"{held.offer.version} does not fit: {'; '.join(reasons) or 'it fits with no choice for the others'}"


def _json(report: Report, index: str, python: str) -> str:
    upgrades = [
        {
            "name": name,
            "from": str(report.packages[name].version),
            "to": str(offer.version),
            "vulnerabilities": [one.id for one in report.releases[name].known or ()],
            "files": _files(report, name),
        }
        for name, offer in sorted(report.plan.moves.items())
    ]
    added = [
        {"name": name, "version": str(package.version), "files": _files(report, name)}
        for name, package in sorted(report.plan.added.items())
    ]
    held = [
        {
            "name": name,
            "version": str(report.packages[name].version),
            "vulnerabilities": [one.id for one in report.releases[name].known or ()],
            "release": str(one.offer.version) if one.offer else None,
            "held_by": sorted({need.by for need in one.conflicts if need.by != name}),
            "why": _why(report, name, one),
        }
        for name, one in sorted(report.plan.held.items())
    ]
    unknown = [
        {"name": name, "version": str(report.packages[name].version), "standing": str(release.standing)}
        for name, release in sorted(report.releases.items())
        if release.known is None
    ]
    return json.dumps(
        {"index": index, "python": python, "upgrades": upgrades, "added": added, "held": held, "unknown": unknown}
    )


def _files(report: Report, name: str) -> list[dict[str, str]]:
    return [{"filename": one.filename, "sha256": one.sha256} for one in report.files[name]]


def _unsaid(report: Report) -> list[str]:
    """What nothing is known of: silence is not health."""
    found: dict[str, list[str]] = {}
    for name, release in sorted(report.releases.items()):
        if release.known is None:
            why = _UNKNOWN.get(release.standing, "the index publishes no document of the release")
            found.setdefault(why, []).append(f"{name} {report.packages[name].version}")
    return [f"Nothing is known of {', '.join(names)}: {why}." for why, names in sorted(found.items())]
