"""The package runs code whenever any Python program starts.

**What it looks for.** Lines that begin with `import` in `.pth` files, and `sitecustomize.py` or `usercustomize.py` at the
top of the installation folder. It tells apart a hook that only switches on a module of the package (low), one that carries
more code of its own (more), and one that executes code, starts a program or reaches the network (reject).

**Why it matters.** Such code runs in every program of the environment, also in those that never import the package.

**What is not flagged.** Lines of a `.pth` file that name folders are not run. The namespace hooks that setuptools used to
write (`*-nspkg.pth`) are known by their shape.

**When it is a false alert.** Coverage tools and editable installs need a hook; theirs stays short and imports one module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.kit import Hit, check, labels_of, runs_code, runs_command
from bonded.facts.known import DECODERS, NETWORK
from bonded.facts.model import Call, Facts, Module
from bonded.values.finding import Severity, When

_PLAIN_IMPORT = re.compile(
    r"^import[ \t]+[\w.]+[ \t]*(;[ \t]*[\w.]+\(\)[ \t]*)?;?$"
    r"|^import os, sys;exec\(\"try: import [\w.]+\\nexcept ImportError: pass\"\)$"
    r"|^import os;[^\n]{0,160}os\.environ[^\n]{0,120}__import__\('[\w.]+'\)(\.\w+\(\))?;?$"
)
_NAMESPACE = re.compile(
    r"^import sys, types, os;\s?(has_mfs = sys\.version_info > \(3, 5\);)?\s?p = os\.path\.join\(sys\._getframe\(1\)"
)


@check(
    name="startup-hook",
    version=1,
    severity=Severity.MEDIUM,
    sentence="The package runs code whenever any Python program starts.",
)
def startup(facts: Facts) -> Iterator[Hit]:
    """Look at every member that Python runs when it starts."""
    for module in facts.modules:
        if module.when is not When.STARTUP:
            continue
        grave = [call for call in module.calls if call.when is When.STARTUP and _grave(call)]
        if grave:
            yield _hit(module, grave[0].line, f"a start-up hook calls {grave[0].name}", 0.95, Severity.CRITICAL)
        elif module.path.endswith(".pth"):
            yield from _lines(module)
        else:
            yield _hit(module, 1, "a module that Python imports whenever it starts", 0.9, Severity.MEDIUM)


def _lines(module: Module) -> Iterator[Hit]:
    for number, line in enumerate(module.text.split("\n"), 1):
        if not re.match(r"import[ \t]", line) or _NAMESPACE.match(line):
            continue
        if _PLAIN_IMPORT.match(line.strip()):
            yield _hit(module, number, "a start-up hook that switches on a module", 0.9, Severity.LOW)
        else:
            yield _hit(module, number, "a start-up hook with code of its own", 0.6, Severity.MEDIUM)


def _grave(call: Call) -> bool:
    if runs_code(call) and call.arguments and call.arguments[0].text is not None and not labels_of(call.arguments):
        return False  # code in plain writing: what it calls is looked at by itself
    return runs_code(call) or runs_command(call) or call.name in NETWORK or call.name in DECODERS


def _hit(module: Module, line: int, message: str, confidence: float, severity: Severity) -> Hit:
    lines = module.text.split("\n")
    excerpt = lines[line - 1][:1000] if line <= len(lines) else ""
    return Hit(message, confidence, module.path, line, line, excerpt, When.STARTUP, severity=severity)
