"""Code or a program that was decoded or downloaded is executed.

**What it looks for.** A value that went through a decoder (base64, hex, zlib, marshal, a cipher, character codes, ...) or came
over the network, by whatever client, reaches `exec`, `eval`, a function made of a code object, or a command; also by way of a
file that is written first and run then, or out of a picture or a sound; and shell commands that fetch and run by themselves.
Names are resolved and constants folded: aliases, `getattr`, `__import__`, split or reversed strings and helper functions make
no difference. Code in constants is decoded and read in turn, at most four layers deep, and never run. A text that decodes to a
Python program counts even where it is not seen how it is run.

**Why it matters.** Nearly every hidden payload begins this way; honest packages ship their code in the open.

**What is not flagged.** Running source that was read from a plain Python file (`exec(open("version.py").read())`),
evaluating expressions that the caller passes in, templates, and data that is decoded and not run. What a caller has a say in
weighs less. A value that was picked out of parsed data is no program, unless it is run as Python. What somebody calls for is only
noted where it is a tool from its maker's own address (`[makers]` in `facts/places.toml`) or the answer of a language model.

**When it is a false alert.** Licence protection and installers that pack themselves do this too; ask the owner for the
source.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.commands import command_text, is_script_host, program_of, read_command
from bonded.checks.feeding import given
from bonded.checks.kit import Hit, at, check, graver, labels_of, runs_code, runs_command, steps_of
from bonded.checks.makers import asks_only, installs_a_tool
from bonded.facts import footholds
from bonded.facts.files import WHOLE
from bonded.facts.known import DECODERS, TIES, UNPICKLERS
from bonded.facts.model import Call, Facts, Module
from bonded.facts.value import CHARS, CODE, DATAFILE, DECODED, DOWNLOADED, PARSED
from bonded.values.finding import Severity, When

_SOON = (When.INSTALL, When.STARTUP, When.IMPORT)
_GAPS = frozenset("?\N{HORIZONTAL ELLIPSIS}")
"""Stand in a command for what is not known of it."""


@check(
    name="decoded-or-downloaded-code-executed",
    version=1,
    severity=Severity.CRITICAL,
    sentence="Code or a program that was decoded or downloaded is executed.",
)
def executed(facts: Facts) -> Iterator[Hit]:
    """Look at every call that runs code or a command."""
    for module in facts.modules:
        for call in module.calls:
            if runs_code(call):
                yield from _code(module, call)
            elif runs_command(call):
                yield from _command(module, call)
            elif call.name in TIES or call.name in UNPICKLERS:
                yield from given(module, call)
            elif call.name in DECODERS and footholds.source_in(_decoded_at(module, call)):
                hit = at(module, call, "a text of this file decodes to a Python program", 0.8, steps_of(call, DECODED))
                yield graver(hit, Severity.HIGH)


def _decoded_at(module: Module, call: Call) -> str:
    return next((one.text for one in module.decoded if one.line == call.line and one.depth == call.depth + 1), "")


def _code(module: Module, call: Call) -> Iterator[Hit]:
    labels = labels_of(call.arguments[:1])
    sure = _sureness(call, labels)
    if DOWNLOADED in labels:
        hit = at(module, call, "downloaded code is executed", 0.95 * sure, steps_of(call, DOWNLOADED))
        yield graver(hit, Severity.INFO) if call.when is When.CALL and asks_only(module, "models") else hit
    elif DECODED in labels:
        yield at(module, call, "decoded code is executed", 0.95 * sure, steps_of(call, DECODED))
    elif CHARS in labels:
        known = call.arguments[0].text is not None
        hit = at(module, call, "code spelled out of character codes is executed", 0.95 * sure, steps_of(call, CHARS))
        yield hit if known or call.when in _SOON else graver(hit, Severity.LOW)
    elif DATAFILE in labels and call.arguments[0].text is not None:
        what = "code is read out of a file that is no Python source, and executed"
        yield graver(at(module, call, what, 0.8, steps_of(call, DATAFILE)), Severity.HIGH)
    elif call.hidden:
        yield graver(at(module, call, f"{call.name} is called under a computed name", 0.8), Severity.HIGH)


def _sureness(call: Call, labels: frozenset[str]) -> float:
    """Less sure where the value may come from a caller, or was picked out of parsed data and only evaluated."""
    if "parameter" in labels and call.arguments[0].text is None:
        return 0.5
    evaluated = call.name == "builtins.eval" and CODE not in labels  # of a compiled program, eval runs all
    return 0.6 if PARSED in labels and evaluated else 1.0


def _is_spelled(call: Call) -> bool:
    """Whether a command is known in full and was put together from codes; what was unquoted is an address, not a secret."""
    known = bool(call.arguments) and call.arguments[0].text is not None and not _GAPS & set(command_text(call))
    return known and not any("unquote" in step for step in steps_of(call, CHARS))


def _command(module: Module, call: Call) -> Iterator[Hit]:
    labels = labels_of(program_of(call))
    reading = read_command(command_text(call))
    if reading is not None:
        hit = at(module, call, reading.what, reading.confidence, steps_of(call, DECODED, CHARS))
        tool = call.when is When.CALL and not call.depth and installs_a_tool(command_text(call))
        yield graver(hit, Severity.INFO) if tool else hit
    elif DOWNLOADED in labels and PARSED not in labels:
        cloned = any(f" {verb} " in step for step in steps_of(call, DOWNLOADED) for verb in WHOLE)
        given = ("parameter" in labels or cloned) and call.when not in _SOON and not is_script_host(command_text(call))
        hit = at(module, call, "a downloaded program is run", 0.5 if given else 0.9, steps_of(call, DOWNLOADED))
        tool = call.when is When.CALL and not call.depth and asks_only(module, "tools")
        yield graver(hit, Severity.INFO if tool else Severity.HIGH) if given or tool else hit
    elif DECODED in labels and PARSED not in labels and ("parameter" not in labels or call.when in _SOON):
        yield at(module, call, "a decoded command or program is run", 0.9, steps_of(call, DECODED))
    elif CHARS in labels and _is_spelled(call):
        yield graver(
            at(module, call, "a command spelled out of character codes is run", 0.9, steps_of(call, CHARS)),
            Severity.HIGH,
        )
    elif call.hidden:
        yield graver(at(module, call, f"{call.name} is called under a computed name", 0.8), Severity.HIGH)
