"""Programs that are fed to something that runs what it is given: an interpreter on its input, a loader of pickles. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.commands import typed
from bonded.checks.kit import Hit, at, graver, labels_of, steps_of
from bonded.facts.known import UNPICKLERS
from bonded.facts.model import Call, Module
from bonded.facts.value import DECODED, DOWNLOADED, PARSED
from bonded.values.finding import Severity, When

_SOON = (When.INSTALL, When.STARTUP, When.IMPORT)


def given(module: Module, call: Call) -> Iterator[Hit]:
    """What is written to an interpreter that was started without a program is its program; a pickle is a program too."""
    if call.name in UNPICKLERS:
        if call.when in _SOON and DOWNLOADED in labels_of(call.arguments):
            what = "downloaded data is loaded in a form that may run anything"
            yield graver(at(module, call, what, 0.85, steps_of(call, DOWNLOADED)), Severity.HIGH)
        return
    labels = labels_of(typed(call))
    label = DOWNLOADED if DOWNLOADED in labels else DECODED
    if label in labels and PARSED not in labels:
        yield at(module, call, f"a {label} program is written to an interpreter", 0.9, steps_of(call, label))
