"""The archive ships machine code where source belongs.

**What it looks for.** Programs and libraries, known by their first bytes and not by their names: under the name of something
else (a picture, a text), beside a few lines of Python that only load them, in a source distribution without the source they
were built from, or in a wheel that says that it runs everywhere. Shortcuts and screen savers of Windows, and files named
`.pyc` or like a text that hold something else.

**Why it matters.** What no person and no scanner can read is the best place for a payload; the Python beside it then shows
nothing but an import.

**What is not flagged.** Extension modules in wheels for a platform, programs beside their source, tests and documentation.
Small launchers beside much Python (`pip`, `setuptools`) are only a hint.

**When it is a false alert.** Some projects put a vendor's library into their source distribution; ask where it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.kit import Hit, check
from bonded.facts.layout import WHEEL, when_of
from bonded.facts.magic import DATA, NATIVE, PYC, SHORTCUT
from bonded.facts.model import Facts, MemberFacts
from bonded.values.finding import Severity, When

_NATIVE_NAMES = (
    ".so", ".pyd", ".dll", ".dylib", ".exe", ".node", ".bin", ".o", ".a", ".sys", ".efi", ".jnilib", ".ko", ".elf", ".com",
)  # fmt: skip
_LIBRARIES = (".so", ".pyd", ".dll", ".dylib")
_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".pyx", ".rs", ".go", ".f", ".f90", ".m", ".mm", ".cu", ".zig", ".asm", ".s")
_RUN_BY_CLICK = (".scr", ".pif", ".lnk", ".cpl", ".msi")
_TEXTS = (
    ".typed",
    ".txt",
    ".md",
    ".pyi",
    ".json",
    ".toml",
    ".cfg",
    ".ini",
    ".py",
    ".html",
    ".css",
    ".rst",
    ".yaml",
    ".yml",
)
_FORMS = frozenset({SHORTCUT, *NATIVE})
_ENDS = frozenset({*_RUN_BY_CLICK, ".pyc"})
TINY = 20_000
"""Bytes of Python under which it can do little more than load the binary."""


@check(
    name="shipped-binary",
    version=1,
    severity=Severity.HIGH,
    sentence="The archive ships machine code where source belongs.",
)
def shipped(facts: Facts) -> Iterator[Hit]:
    """Look at every member that is a program by its bytes or by its name."""
    told = [one for one in facts.members if one.kind == "file" and _may_tell(one)]  # few, of maybe thousands
    odd = [one for one in told if when_of(one.path, facts.kind) is not When.NEVER]
    if odd:
        files = [one for one in facts.members if one.kind == "file" and one.path.endswith(".py")]
        little = sum(one.size for one in files if when_of(one.path, facts.kind) is not When.NEVER) < TINY
        built_here = any(one.path.lower().endswith(_SOURCES) for one in facts.members)
        for member in odd:
            yield from _look(facts, member, little, built_here)


def _may_tell(one: MemberFacts) -> bool:
    if one.form in _FORMS or one.path[-4:].lower() in _ENDS:
        return True
    return one.form == DATA and one.size > 1000 and one.path.lower().endswith(_TEXTS)


def _look(facts: Facts, member: MemberFacts, little: bool, built_here: bool) -> Iterator[Hit]:
    name = member.path.rpartition("/")[2].lower()
    if member.form == SHORTCUT or name.endswith(_RUN_BY_CLICK):
        yield Hit("a file that Windows runs when it is opened", 0.8, member.path)
    elif name.endswith(".pyc") and member.form != PYC and member.size > 64:
        yield Hit("a file named like byte code holds something else", 0.9, member.path)
    elif member.form == DATA and name.endswith(_TEXTS) and member.size > 1000:
        yield Hit("a file named like a text holds something else", 0.7, member.path)
    elif member.form in NATIVE and not (name.endswith(_NATIVE_NAMES) or ".so." in name or "." not in name):
        yield Hit("a program under the name of something else", 0.9, member.path)
    elif member.form in NATIVE and not _for_a_platform(facts) and not built_here:
        yield _without_source(member, name, little)


def _for_a_platform(facts: Facts) -> bool:
    return facts.kind == WHEEL and "-any." not in facts.filename


def _without_source(member: MemberFacts, name: str, little: bool) -> Hit:
    if little:
        what = "a few lines of Python load a library that came without its source"
        return Hit(what if name.endswith(_LIBRARIES) else "a program beside a few lines of Python", 0.85, member.path)
    return Hit("a program or library without its source", 0.3, member.path, severity=Severity.LOW)
