"""The package writes a program that stands in its source as a text, and runs it.

**What it looks for.** Python, shell or machine code in a constant that is written to a file (often one with a name of the
moment) and then run; a program out of an archive that the package brings along, unpacked and run; a file of the package that is
data by its name, becomes machine code by another one, and is run; Python that stands in the source in an encoding and is
unfolded into a file; machine code in a constant that is written anywhere; scripts for a shell that are written to a file, and
fetch or hide what they run; and what was downloaded or decoded and is saved under the name of a program (`.exe`, `.vbs`, ...),
above all when it was both. What such a text does is read as well, as the layer below.

**Why it matters.** A program inside a text is seen by no import and by few scanners; running it apart hides it a second time.

**What is not flagged.** Templates and configuration that are written and not run; `python -c` with a line of code.

**When it is a false alert.** Build scripts write small programs to try a compiler. They are compiled, not run from a hidden
file, and mostly not at import.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.commands import Reading, command_text, read_command
from bonded.checks.kit import Hit, at, check, graver, labels_of, runs_command, steps_of
from bonded.facts.files import WRITE
from bonded.facts.footholds import PROGRAMS, is_script, program
from bonded.facts.model import Call, Facts
from bonded.facts.value import DECODED, DOWNLOADED, EMBEDDED
from bonded.values.finding import Severity, When

_SOON = (When.INSTALL, When.STARTUP, When.IMPORT)
_COMPILERS = ("gcc", "g++", "clang", " cc ", "cl.exe", "nvcc", "cargo", "cmake", "make", "gfortran", "pytest", "mypy")

_KEEPER = re.compile(r"\s*(?:\S*[\\/])?(?:git|hg|svn|bzr)(?:\.exe|\.cmd)?\s", re.IGNORECASE)
"""A version control system: it is told of files, and runs none of them."""


@check(
    name="dropped-program-run",
    version=1,
    severity=Severity.HIGH,
    sentence="The package writes a program that stands in its source as a text, and runs it.",
)
def dropped(facts: Facts) -> Iterator[Hit]:
    """Look at commands whose file was written here, and at machine code that is written."""
    for module in facts.modules:
        for call in module.calls:
            if runs_command(call) and EMBEDDED in labels_of(call.arguments) and not _compiles(call):
                sure = 0.85 if call.when in _SOON else 0.5
                hit = at(
                    module, call, "a program that stood in a text or an archive is run", sure, steps_of(call, EMBEDDED)
                )
                yield hit if call.when in _SOON else graver(hit, Severity.MEDIUM)
            elif call.name == WRITE and _fetched(call):
                what = "a downloaded or decoded program is saved where Windows runs it by its name"
                both = labels_of(call.arguments[1:]) >= {DOWNLOADED, DECODED}
                hit = at(module, call, what, 0.9 if both else 0.7, steps_of(call, DOWNLOADED, DECODED))
                yield graver(hit, Severity.HIGH if both or call.when in _SOON else Severity.MEDIUM)
            elif call.name == WRITE and (reading := _script(call)) is not None:
                hit = at(
                    module, call, f"a script is written to a file: {reading.what}", 0.9 if call.when in _SOON else 0.5
                )
                yield hit if call.when in _SOON else graver(hit, Severity.LOW)
            elif call.name == WRITE and _unfolded(call):
                what = "a program that is hidden in a text is written to a file"
                yield at(module, call, what, 0.75, steps_of(call, DECODED))
            elif call.name == WRITE and len(call.arguments) > 1 and _native(call):
                hit = at(module, call, "machine code that stood in a text is written to a file", 0.95)
                yield graver(hit, Severity.CRITICAL)


def _compiles(call: Call) -> bool:
    """Whether the command compiles, tests or keeps what it is given, and does not run it."""
    line = f" {command_text(call)} ".lower()
    return bool(_KEEPER.match(line)) or any(word in line for word in _COMPILERS)


def _script(call: Call) -> Reading | None:
    """What a script for another interpreter, which is written to a file, does that is hostile."""
    text = (call.arguments[1].text or "") if len(call.arguments) > 1 else ""
    return read_command(text) if is_script(text) else None


def _fetched(call: Call) -> bool:
    where = (call.arguments[0].text or call.arguments[0].shape).lower()
    return where.endswith(PROGRAMS) and bool(labels_of(call.arguments[1:]) & {DOWNLOADED, DECODED})


def _unfolded(call: Call) -> bool:
    """Whether what is written was decoded out of the source, and is Python."""
    labels = labels_of(call.arguments[1:])
    known = any(one.text and program(one.text) for one in call.arguments[1:])
    return known and DECODED in labels and DOWNLOADED not in labels


def _native(call: Call) -> bool:
    text = call.arguments[1].text or ""
    return text.startswith(("\x7fELF", "MZ"))
