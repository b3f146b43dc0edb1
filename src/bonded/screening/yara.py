"""YARA rules that an operator dropped into a folder: each is linted, tried and run in the sandbox, and is a check.

Rules read the archive's members, so they cannot judge facts that are stored without it.
"""

from __future__ import annotations

import base64
import hashlib
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bonded.checks.kit import Check, Hit
from bonded.checks.outside import Material, Ran, Refused
from bonded.checks.yara_rule import RuleMeta, compile_call, lint_call
from bonded.checks.yara_scan import scan_call
from bonded.screening.report import printable
from bonded.seams import Sandbox, SandboxResult
from bonded.values.finding import Severity, When
from bonded.values.states import SubjectKind

SUFFIXES = (".yar", ".yara")
LARGEST = 1024 * 1024
SAMPLES_LARGEST = 8 * 1024 * 1024
LINT_SECONDS = 6.0
MEMORY = 1024 * 1024 * 1024
_WORDS = {
    "crash": "it crashed YARA-X",
    "timeout": f"it is slow: 4 MiB of ordinary text take it more than {LINT_SECONDS:.0f} seconds",
    "memory": "it needs too much memory",
}


def survey(folder: Path, sandbox: Sandbox) -> tuple[list[Check], list[Refused]]:
    """The rules of a folder as checks, sorted by file, and what was refused. Never raises for what is in the folder."""
    refused: list[Refused] = []
    found: list[tuple[str, str, RuleMeta]] = []
    sources: dict[str, str] = {}
    for file in sorted(one for one in folder.glob("*") if one.suffix in SUFFIXES and not one.is_dir()):
        try:
            source = _source(file)
            metas, wrong = _lint(file, source, sandbox)
        except ValueError as error:
            name = printable(file.name)
            refused.append(Refused(printable(file.stem), name, f"{name} is refused: {error}"))
            continue
        refused += [
            Refused(name, file.name, f"{file.name} is refused in part: {words}") for name, words in wrong.items()
        ]
        if metas:
            sources[file.name] = source
            found += [(file.name, source, meta) for meta in metas]
    if not found:
        return [], refused
    runner = YaraRunner(sandbox, sources, tuple((file, meta) for file, _, meta in found))
    return [_check(folder, file, source, meta, runner) for file, source, meta in found], refused


def _source(file: Path) -> str:
    if file.name != printable(file.name):
        raise ValueError("its name is no UTF-8 text")
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):  # of a pipe, reading would never end
            raise ValueError("it is no ordinary file")
        if status.st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST} bytes")
        return file.read_text("utf-8")
    except UnicodeDecodeError:
        raise ValueError("it is no UTF-8 text") from None
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}") from None


def _lint(file: Path, source: str, sandbox: Sandbox) -> tuple[list[RuleMeta], dict[str, str]]:
    asked = {"file": file.name, "source": source, "samples": _samples(file.parent)}
    result = sandbox.run(lint_call, orjson.dumps(asked), cpu_seconds=LINT_SECONDS, memory_bytes=MEMORY)
    if result.outcome != "ok":
        raise ValueError(_why(result))
    answer = orjson.loads(result.value)
    if answer["error"]:
        raise ValueError(answer["error"])
    return [RuleMeta(**one) for one in answer["rules"]], answer["refused"]


def _samples(folder: Path) -> dict[str, str | None]:
    """All samples that lie in a folder, by path; those beyond the limit are left out. None for one that cannot be read."""
    found: dict[str, str | None] = {}
    room = SAMPLES_LARGEST
    for file in sorted([*folder.glob("*.flag/*"), *folder.glob("*.pass/*")]):
        path = printable(f"{file.parent.name}/{file.name}")
        try:
            status = file.stat()
            if stat.S_ISREG(status.st_mode) and status.st_size <= room:
                room -= status.st_size
                found[path] = base64.b64encode(file.read_bytes()).decode()
        except OSError:  # its rule is refused for it, and no other
            found[path] = None
    return found


def _why(result: SandboxResult) -> str:
    detail = f": {result.detail}" if result.detail and result.outcome == "crash" else ""
    return _WORDS.get(result.outcome, "linting it was killed") + detail


def _check(folder: Path, file: str, source: str, meta: RuleMeta, runner: YaraRunner) -> Check:
    words = {"python": "Python files", "metadata": "metadata files", "any": "all files"}[meta.scope]
    documentation = f"{meta.sentence}\n\nThe YARA rule `{meta.identifier}` of `{file}`, over {words} of the archive."
    return Check(
        name=meta.name,
        version=meta.version,
        severity=Severity(meta.severity),
        sentence=meta.sentence,
        function=_elsewhere,
        subject=SubjectKind.FILE,
        needs_context=False,
        documentation=documentation,
        module=file,
        origin=f"YARA rules: {file}",
        rules=hashlib.sha256(f"{meta}\0{source}".encode()).hexdigest()[:32],
        folder=str(folder),
        runner=runner,
    )


def _elsewhere(*_: object) -> list[Any]:
    raise RuntimeError("a YARA rule reads archives, not facts")


@dataclass(eq=False, slots=True)
class YaraRunner:
    """Runs the rules of one folder: all in one child, or each file in its own when that child failed."""

    sandbox: Sandbox
    sources: dict[str, str]
    metas: tuple[tuple[str, RuleMeta], ...]
    needs_archive: bool = True
    _compiled: dict[tuple[str, ...], bytes] | None = None

    def run(self, checks: Sequence[Check], material: Material) -> list[Ran]:
        files = tuple(dict.fromkeys(check.module for check in checks))
        result = self._scan(files, checks, material)
        if result.outcome == "ok" or len(files) == 1:
            return self._ran(checks, result, material)
        found: list[Ran] = []
        for file in files:
            own = [check for check in checks if check.module == file]
            found += self._ran(own, self._scan((file,), own, material), material)
        return found

    def _scan(self, files: tuple[str, ...], checks: Sequence[Check], material: Material) -> SandboxResult:
        self._compiled = self._compiled or {}
        if files not in self._compiled:
            sources = {file: self.sources[file] for file in files}
            made = self.sandbox.run(compile_call, orjson.dumps(sources), cpu_seconds=LINT_SECONDS, memory_bytes=MEMORY)
            if made.outcome != "ok":
                return made
            self._compiled[files] = made.value
        names = {check.name for check in checks}
        scopes = {f"{file}:{meta.identifier}": meta.scope for file, meta in self.metas if meta.name in names}
        head = orjson.dumps({"filename": material.filename, "scopes": scopes})
        argument = len(head).to_bytes(8, "big") + head + self._compiled[files]
        return self.sandbox.run(
            scan_call,
            argument,
            cpu_seconds=material.cpu_seconds,
            memory_bytes=max(material.memory_bytes, MEMORY),
            attachment=material.archive,
        )

    def _ran(self, checks: Sequence[Check], result: SandboxResult, material: Material) -> list[Ran]:
        share = result.cpu_seconds / len(checks)
        if result.outcome != "ok":
            return [Ran(one.name, f"{result.outcome}: {result.detail}", (), share) for one in checks]
        hits: dict[str, list[list[Any]]] = {}
        for hit in orjson.loads(result.value):
            hits.setdefault(hit[0], []).append(hit)
        metas = {meta.name: (f"{file}:{meta.identifier}", meta) for file, meta in self.metas}
        return [_one(one, *metas[one.name], hits, material, share) for one in checks]


def _one(
    check: Check, key: str, meta: RuleMeta, hits: dict[str, list[list[Any]]], material: Material, share: float
) -> Ran:
    message = check.sentence.removesuffix(".")
    made = [
        Hit(message, meta.confidence, path, line, end, text, When(meta.when) if meta.when else material.when(path))
        for _, path, line, end, text in hits.get(key, [])
    ]
    return Ran(check.name, "ok", tuple(check.findings_of(made)), share)
