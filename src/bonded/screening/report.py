"""What `bonded scan` prints for one archive: plain values, the same for the same bytes and rules. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from bonded.screening.policy import Decision
from bonded.screening.run import ScanResult
from bonded.values.finding import Finding

SARIF_LEVELS = {"info": "note", "low": "note", "medium": "warning", "high": "error", "critical": "error"}


@dataclass(frozen=True, slots=True)
class Scanned:
    """One archive with its verdict. `sha256` is that of its bytes; `rules` of checks and policy."""

    path: str
    sha256: str
    decision: Decision
    result: ScanResult
    rules: str


def as_object(one: Scanned) -> dict[str, Any]:
    """The object of the JSON lines format, keys in the order that the documentation has them."""
    return {
        "path": one.path,
        "sha256": one.sha256,
        "verdict": one.decision.verdict.value,
        "score": one.decision.score,
        "findings": [_finding(found) for found in sorted(one.result.findings, key=_order)],
        "unread": list(one.result.unread),
        "not_run": list(one.result.not_run),
        "cpu_seconds": round(one.result.cpu_seconds, 4),
        "rules": one.rules,
    }


def as_line(one: Scanned) -> str:
    """One line of the JSON lines format."""
    return orjson.dumps(printable(as_object(one))).decode()


def as_text(one: Scanned) -> str:
    """A few lines for people."""
    lines = [f"{one.decision.verdict.value:7} {one.decision.score:.2f}  {one.path}"]
    for found in sorted(one.result.findings, key=_order):
        where = f"{found.path}:{found.line}" if found.line else found.path
        lines.append(f"    {found.severity.value}: {found.message} [{found.check}]")
        if where:
            lines.append(f"        {where}, runs at {found.when.value}")
        lines += [f"        | {row}" for row in found.excerpt.splitlines()[:4]]
        lines += [f"        - {step}" for step in found.trace]
    lines += [f"    unread: {words}" for words in one.result.unread]
    return "\n".join(_safe(line) for line in lines)


def as_sarif(every: list[Scanned], checks: list[tuple[str, str]], version: str) -> str:
    """All archives as one SARIF 2.1.0 log. `checks` are (name, sentence)."""
    rules = [{"id": name, "shortDescription": {"text": sentence}} for name, sentence in checks]
    run = {
        "tool": {"driver": {"name": "bonded", "version": version, "rules": rules}},
        "results": [_sarif(one, found) for one in every for found in sorted(one.result.findings, key=_order)],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return orjson.dumps(printable(log), option=orjson.OPT_INDENT_2).decode()


def _sarif(one: Scanned, found: Finding) -> dict[str, Any]:
    where = f"{one.path}!/{found.path}" if found.path else one.path
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(where)}}
    if found.line:
        place["region"] = {"startLine": found.line, "endLine": max(found.line, found.end_line)}
    return {
        "ruleId": found.check,
        "level": SARIF_LEVELS[found.severity.value],
        "message": {"text": found.message},
        "locations": [{"physicalLocation": place}],
        "properties": {"verdict": one.decision.verdict.value, "confidence": found.confidence, "when": found.when.value},
    }


def _uri(path: str) -> str:
    """A path as a reference by RFC 3986, which SARIF wants: a reader takes a plain '#' for the end of the path."""
    return quote(printable(path), safe="/!+,;=@~$&'()*")


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "check": found.check,
        "version": found.version,
        "severity": found.severity.value,
        "confidence": found.confidence,
        "path": found.path,
        "line": found.line,
        "end_line": found.end_line,
        "message": found.message,
        "excerpt": found.excerpt,
        "when": found.when.value,
        "trace": list(found.trace),
    }


def _order(found: Finding) -> tuple[str, str, int, str]:
    return found.check, found.path, found.line, found.message


def printable(value: Any) -> Any:
    """Lone surrogates, which no encoding writes, become U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [printable(one) for one in value]
    return {key: printable(one) for key, one in value.items()} if isinstance(value, dict) else value


def _safe(line: str) -> str:
    """No control or direction characters of a hostile archive reach a terminal."""
    shown = "".join(c if c.isprintable() or c == "\t" else f"\\u{ord(c):04x}" for c in line)
    return shown.encode("utf-8", "replace").decode("utf-8")
