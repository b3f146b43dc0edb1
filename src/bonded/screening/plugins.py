"""Outside packages of checks: asking an interpreter which it has, and having them run there.

Every check is described, and every archive is judged, in a child of its own under limits: a package that breaks, hangs or
leaves things behind harms neither its neighbours nor us. What cannot be used is a `Refused` with its reason, never an error.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson
import structlog

from bonded.checks.kit import MOST_FINDINGS, Check
from bonded.checks.outside import Material, Ran, Refused
from bonded.checks.plugin_host import ENTRY_POINT, PROTOCOL, candidates_call, describe_call, run_call
from bonded.seams import Sandbox, SandboxResult
from bonded.values.finding import Finding, Severity, When
from bonded.values.states import SubjectKind

DESCRIBE_SECONDS = 3.0
RUN_SECONDS = 5.0
"""Processor time of one check on one archive."""
MEMORY = 512 * 1024 * 1024
MOST_CHECKS = 500
"""Checks of one place; more is a mistake."""
PATIENCE, REST = 3, 50
"""After so many archives in a row on which it ran out of time, a check is left out of the next `REST`: others wait."""
_WORDS = {"crash": "it crashed", "timeout": "it ran out of time", "memory": "it ran out of memory"}

log = structlog.get_logger("bonded.screening.plugins")


@dataclass(frozen=True, slots=True)
class Place:
    """Where outside checks are: the entry points that the sandbox's interpreter has, folders of checks, or both."""

    name: str
    sandbox: Sandbox
    folders: tuple[Path, ...] = ()
    entry_points: bool = False


def survey(place: Place) -> tuple[list[Check], list[Refused]]:
    """The checks of a place, and what is wrong with the others. Never raises for what is there."""
    asked = {"folders": [str(one) for one in place.folders], "entry_points": place.entry_points}
    result = _call(place.sandbox, candidates_call, asked)
    listed = _value(result)
    if not isinstance(listed, list):
        return [], [Refused(place.name, place.name, f"{place.name} cannot be asked for its checks: {_why(result)}")]
    checks: list[Check] = []
    refused = [Refused(place.name, place.name, words) for words in _misplaced(place, nothing=not listed)]
    for one in listed[:MOST_CHECKS]:
        made = _describe(place, one)
        if isinstance(made, Check):
            checks.append(made)
        else:
            refused.append(made)
    return checks, refused


def _misplaced(place: Place, *, nothing: bool) -> list[str]:
    """What whoever named this place has mistaken: else nothing would say why a check of theirs is not there."""
    itself = [str(one) for one in place.folders if (one / "check.py").is_file()]
    if itself or not nothing:
        return [
            f"{one} has a check.py of its own: each check is a folder in the folder that is named" for one in itself
        ]
    if place.folders:
        return [f"there is no check in {place.name}: each is a folder in it with a check.py"]
    return [f"no package in {place.name} declares a check, by an entry point in the group {ENTRY_POINT}"]


def _describe(place: Place, one: dict[str, str]) -> Check | Refused:
    where = {"module": one["module"], "path": one["path"]}
    origin = f"{place.name}: {one['from']}"
    result = _call(place.sandbox, describe_call, where)
    value = _value(result)
    if not isinstance(value, dict) or "error" in value:
        said = value["error"] if isinstance(value, dict) else _why(result)
        return Refused(one["name"], origin, f"{one['module']} cannot be used: {said}")
    try:
        runner = PluginRunner(place.sandbox, one["module"], one["path"])
        return Check(
            name=value["name"],
            version=value["version"],
            severity=Severity(value["severity"]),
            sentence=value["sentence"],
            function=_elsewhere,
            subject=SubjectKind(value["subject"]),
            needs_context=value["needs_context"],
            documentation=value["documentation"],
            module=one["module"],
            origin=origin,
            rules=value["rules"],
            folder=value["folder"],
            runner=runner,
        )
    except (KeyError, ValueError, TypeError) as error:
        return Refused(one["name"], origin, f"{one['module']} declares something that is no check: {error}")


def _elsewhere(*_: object) -> list[Any]:
    raise RuntimeError("a check of an outside package runs in its own interpreter only")


@dataclass(eq=False, slots=True)
class PluginRunner:
    """Runs one outside check, each time in a child of its own."""

    sandbox: Sandbox
    module: str
    path: str
    needs_archive: bool = False
    _late: int = field(default=0)
    _resting: int = field(default=0)

    def run(self, checks: Sequence[Check], material: Material) -> list[Ran]:
        return [self._one(check, material) for check in checks]

    def _one(self, check: Check, material: Material) -> Ran:
        if self._resting:
            self._resting -= 1
            words = f"left out: it ran out of time on {PATIENCE} archives in a row"
            return Ran(check.name, f"killed: {words}", (), 0.0)
        context = asdict(material.context) if material.context is not None else None
        asked = {"module": self.module, "path": self.path, "context": context}
        result = _call(self.sandbox, run_call, asked, material.facts_json, material.cpu_seconds, material.memory_bytes)
        self._remember(check, result.outcome == "timeout")
        if result.outcome != "ok":
            return Ran(check.name, f"{result.outcome}: {result.detail}", (), result.cpu_seconds)
        return _ran(check, _value(result), result.cpu_seconds)

    def _remember(self, check: Check, late: bool) -> None:
        self._late = self._late + 1 if late else 0
        if self._late >= PATIENCE:
            self._late, self._resting = 0, REST
            log.warning("check is left out for a while: too slow", check=check.name, archives=REST)


def _ran(check: Check, value: Any, seconds: float) -> Ran:
    """What the host answered, as findings of the check; what is none is the check's fault."""
    if isinstance(value, dict):
        return Ran(check.name, f"crash: {value.get('error', 'no answer')}", (), seconds)
    try:
        findings = tuple(_finding(check, one) for one in value[:MOST_FINDINGS])
    except (KeyError, TypeError, ValueError) as error:
        return Ran(check.name, f"crash: what it found cannot be read: {error}", (), seconds)
    return Ran(check.name, "ok", findings, seconds)


def _finding(check: Check, raw: dict[str, Any]) -> Finding:
    line, end = int(raw["line"]), int(raw["end_line"])
    return Finding(
        check=check.name,
        version=check.version,
        severity=Severity(raw["severity"]),
        confidence=float(raw["confidence"]),
        message=str(raw["message"])[:600],
        path=str(raw["path"]),
        line=max(0, min(line, 2**31 - 1)),
        end_line=max(0, min(end, 2**31 - 1)),
        excerpt=str(raw["excerpt"]),
        when=When(raw["when"]),
        trace=tuple(str(one) for one in raw["trace"]),
    )


def _call(
    sandbox: Sandbox,
    call: Any,
    asked: dict[str, Any],
    attachment: bytes | None = None,
    cpu_seconds: float | None = None,
    memory_bytes: int = MEMORY,
) -> SandboxResult:
    argument = orjson.dumps({"protocol": PROTOCOL, **asked})
    held = io.BytesIO(attachment) if attachment is not None else None
    seconds = DESCRIBE_SECONDS if cpu_seconds is None else cpu_seconds
    return sandbox.run(call, argument, cpu_seconds=seconds, memory_bytes=memory_bytes, attachment=held)


def _value(result: SandboxResult) -> Any:
    """The JSON that a child gave, None when it gave none."""
    try:
        return orjson.loads(result.value) if result.outcome == "ok" else None
    except ValueError:
        return None


def _why(result: SandboxResult) -> str:
    detail = f": {result.detail}" if result.detail and result.outcome == "crash" else ""
    return _WORDS.get(result.outcome, "it was killed") + detail
