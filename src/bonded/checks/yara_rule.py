"""A YARA file dropped in by an operator: read, linted and tried on its samples. Runs in a sandboxed child.

Each rule that has meta becomes a check of its own:

    meta:
        name = "beacon-words"                  lower-case words joined by "-"
        sentence = "The package names a beacon."
        severity = "medium"                    info, low, medium, high, critical
        confidence = "0.6"                     0..1, as a float or as text
        scope = "python"                       python (default), metadata, any
        when = "import"                        default: when the member's code runs
        version = 1                            default 1

A rule without meta is a helper of others. Beside the file, `NAME.flag/` and `NAME.pass/` hold samples of the rule NAME.
"""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

import orjson

from bonded.checks.kit import MOST_VERSION, NAME
from bonded.values.finding import Severity, When

PYTHON, METADATA, ANY = SCOPES = ("python", "metadata", "any")
_KNOWN = ("name", "sentence", "severity", "confidence", "scope", "when", "version")
_NEEDED = _KNOWN[:4]
_SLOW = ("slow_pattern", "potentially_slow_loop")
TRIAL_SECONDS = 0.5
"""Processor time in which a file's rules must read the trial texts, 4 MiB."""
_MIB = 1024 * 1024


class BadRule(Exception):
    """A file or rule that cannot be used; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class RuleMeta:
    """What one rule declares. `identifier` is its name in YARA."""

    identifier: str
    name: str
    sentence: str
    severity: str
    confidence: float
    scope: str
    when: str
    version: int


def lint_call(argument: bytes, _attachment: BinaryIO | None) -> bytes:
    """{"file", "source", "samples": {"NAME.flag/x": base64}} -> {"rules": [...], "refused": {name: sentence}, "error"}.

    A sample is null where it could not be read.
    """
    asked = orjson.loads(argument)
    samples = {path: None if data is None else base64.b64decode(data) for path, data in asked["samples"].items()}
    try:
        metas, refused = lint(asked["source"], samples)
    except BadRule as error:
        return orjson.dumps({"rules": [], "refused": {}, "error": str(error)})
    return orjson.dumps({"rules": [asdict(one) for one in metas], "refused": refused, "error": ""})


def compile_call(argument: bytes, _attachment: BinaryIO | None) -> bytes:
    """{file: source} -> the compiled rules of all files, each in a namespace of its name."""
    buffer = io.BytesIO()
    compiled(orjson.loads(argument)).serialize_into(buffer)
    return buffer.getvalue()


def lint(source: str, samples: Mapping[str, bytes | None]) -> tuple[list[RuleMeta], dict[str, str]]:
    """The usable rules of a file, and why others are not, by identifier. Raises BadRule when the file is unusable."""
    rules = compiled({"file": source})
    metas: list[RuleMeta] = []
    refused: dict[str, str] = {}
    for identifier, meta in ((rule.identifier, dict(rule.metadata)) for rule in rules):
        if not meta:
            continue
        try:
            metas.append(_meta(identifier, meta))
        except BadRule as error:
            refused[identifier] = str(error)
    if not metas and not refused:
        raise BadRule(f"no rule of it has meta: a rule that finds something needs {', '.join(_NEEDED)}")
    _be_quick(rules)
    for one in list(metas):
        wrong = _wrong_sample(rules, one, samples)
        if wrong:
            metas.remove(one)
            refused[one.identifier] = wrong
    return metas, refused


def compiled(sources: dict[str, str]) -> Any:
    """All files compiled together. Raises BadRule, also for what YARA-X itself calls slow."""
    import yara_x

    compiler = yara_x.Compiler()
    compiler.enable_includes(False)
    for name, source in sources.items():
        compiler.new_namespace(name)
        try:
            compiler.add_source(source)
        except (yara_x.CompileError, ValueError):
            raise BadRule(f"it does not compile: {_said(compiler.errors())}") from None
    slow = [one for one in compiler.warnings() if one["code"] in _SLOW]
    if slow:
        raise BadRule(f"it is slow: {_said(slow)}")
    return compiler.build()


def _said(messages: list[dict[str, Any]]) -> str:
    if not messages:
        return "YARA-X does not say why"
    first = messages[0]
    label = next((one["text"] for one in first["labels"] if one["text"]), "")
    words = f"{first['title']}, {label}" if label and label != first["title"] else first["title"]
    return f"line {first['line']}, {words}"[:300]


def _meta(identifier: str, meta: dict[str, Any]) -> RuleMeta:
    missing = [key for key in _NEEDED if key not in meta]
    if missing:
        raise BadRule(f"rule {identifier} has no meta `{missing[0]}`")
    try:
        confidence = float(meta["confidence"])
    except (TypeError, ValueError):
        confidence = -1.0
    version = meta.get("version", 1)
    one = RuleMeta(
        identifier=identifier,
        name=str(meta["name"]),
        sentence=str(meta["sentence"]),
        severity=str(meta["severity"]),
        confidence=confidence,
        scope=str(meta.get("scope", PYTHON)),
        when=str(meta.get("when", "")),
        version=version if type(version) is int else 0,
    )
    for wrong, key, wanted in (
        (not NAME.match(one.name) or len(one.name) > 60, "name", "lower-case words joined by '-'"),
        (
            not one.sentence.endswith(".") or len(one.sentence) > 160,
            "sentence",
            "one sentence of at most 160 characters",
        ),
        (one.severity not in list(Severity), "severity", "one of " + ", ".join(Severity)),
        (not 0 <= confidence <= 1, "confidence", "a number in 0..1"),
        (one.scope not in SCOPES, "scope", "one of " + ", ".join(SCOPES)),
        (bool(one.when) and one.when not in list(When), "when", "one of " + ", ".join(When)),
        (not 1 <= one.version <= MOST_VERSION, "version", f"a number from 1 to {MOST_VERSION}"),
    ):
        if wrong:
            raise BadRule(f"meta `{key}` of rule {identifier} must be {wanted}")
    return one


def trial() -> list[bytes]:
    """Four texts of 1 MiB that bring slow rules out: one letter, ordinary code, base64, and bytes without a pattern."""
    code = b"def function(argument, *more):\n    return [value for value in more if value != argument and value]\n\n"
    mixed = bytearray()
    state = 1
    while len(mixed) < 65_536:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        mixed += (state >> 16).to_bytes(6, "big")
    texts = (b"a", code, base64.b64encode(bytes(mixed)), bytes(mixed))
    return [(one * (_MIB // len(one) + 1))[:_MIB] for one in texts]


def _be_quick(rules: Any) -> None:
    """Raises BadRule. A rule that never ends is ended by the sandbox: YARA-X would need a thread to watch the clock."""
    import yara_x

    scanner = yara_x.Scanner(rules)
    scanner.max_matches_per_pattern(1000)
    began = time.process_time()
    for text in trial():
        scanner.scan(text)
    taken = time.process_time() - began
    if taken > TRIAL_SECONDS:
        raise BadRule(f"it is slow: 4 MiB of ordinary text take it {taken:.1f} seconds, more than {TRIAL_SECONDS}")


def _wrong_sample(rules: Any, meta: RuleMeta, samples: Mapping[str, bytes | None]) -> str:
    """What is wrong with the samples of a rule, "" when nothing is."""
    import yara_x

    scanner = yara_x.Scanner(rules)
    for path, data in sorted(samples.items()):
        folder, _, name = path.partition("/")
        kind = folder.removeprefix(f"{meta.name}.")
        if kind in ("flag", "pass"):
            if data is None:
                return f"the sample {path} of rule {meta.identifier} cannot be read"
            hit = any(rule.identifier == meta.identifier for rule in scanner.scan(data).matching_rules)
            if hit != (kind == "flag"):
                return (
                    f"rule {meta.identifier} {'flags' if hit else 'does not flag'} its sample {meta.name}.{kind}/{name}"
                )
    return ""
