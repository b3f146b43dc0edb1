"""The source is written so that nobody can see what it does.

**What it looks for.** Shapes that no person writes: names of nothing but underscores or of letters that look alike; letters
spelled as mixed octal and hexadecimal escapes; a statement pushed out of sight behind a wall of blanks; text that
bidirectional controls turn round; names in letters that Python folds to others, or Cyrillic letters in Latin names; a bare
carriage return that hides a line; the banners and run times of obfuscators and packers.

**Why it matters.** An open index ships source to be read. Who goes to the trouble of hiding it has a reason, and in a new
project that is nearly always a payload.

**What is not flagged.** Minified or generated code with short names, encoded data, escapes of bytes that are no letters,
Greek or Chinese names, emoji and right-to-left text that is closed on its line.

**When it is a false alert.** Commercial licence protection (PyArmor and its like) is told apart and weighs less. Test data
that shows such tricks never runs, and weighs next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.kit import Hit, at, check, graver
from bonded.facts import shape
from bonded.facts.model import Facts, Module, Trait
from bonded.values.finding import Severity, When

_WORDS = {
    shape.UNDERSCORES: ("names consist of nothing but underscores", Severity.HIGH, 0.9),
    shape.LOOKALIKES: ("names consist of letters that look alike", Severity.HIGH, 0.9),
    shape.MIXED_ESCAPES: ("letters are spelled as mixed octal and hexadecimal escapes", Severity.HIGH, 0.95),
    shape.ESCAPES: ("letters are spelled as escapes", Severity.MEDIUM, 0.6),
    shape.WALL: ("code is pushed out of sight behind a wall of blanks", Severity.HIGH, 0.95),
    shape.BIDI: ("bidirectional controls show another order than the one that runs", Severity.MEDIUM, 0.5),
    shape.BANNER: ("the file carries the banner of an obfuscator", Severity.MEDIUM, 0.7),
    shape.PROTECTOR: ("the code is encrypted for a protector's run time", Severity.MEDIUM, 0.6),
    shape.LINE_MARKS: ("lines carry the marks of an obfuscator", Severity.MEDIUM, 0.8),
    shape.FOLDED: ("names are written in letters that Python folds to others", Severity.HIGH, 0.85),
    shape.SCRIPTS: ("names mix letters of two scripts that look alike", Severity.MEDIUM, 0.5),
    shape.OPENING: ("a bare carriage return hides the code after it", Severity.HIGH, 0.9),
}


@check(
    name="obfuscated-code",
    version=1,
    severity=Severity.HIGH,
    sentence="The source is written so that nobody can see what it does.",
)
def obfuscated(facts: Facts) -> Iterator[Hit]:
    """One hit for each kind of shape in a module; two kinds together leave no doubt."""
    for module in facts.modules:
        shapes = [trait for trait in module.traits if trait.kind in _WORDS]
        kinds = {trait.kind for trait in shapes}
        spelled = [call for call in module.calls if call.hidden and call.name == "builtins.getattr"]
        if len(spelled) >= 3:
            what = f"builtins are called under computed names ({len(spelled)} times)"
            yield graver(at(module, spelled[0], what, 0.85), Severity.HIGH)
        for trait in shapes:
            what, severity, confidence = _WORDS[trait.kind]
            if len(kinds) > 1 and module.when is not When.NEVER:
                severity, confidence = Severity.CRITICAL, 0.95
            yield _hit(module, trait, what, severity, confidence)


def _hit(module: Module, trait: Trait, what: str, severity: Severity, confidence: float) -> Hit:
    times = f" ({trait.count} times)" if trait.count > 1 else ""
    return Hit(
        what + times, confidence, module.path, trait.line, trait.line, trait.excerpt, module.when, severity=severity
    )
