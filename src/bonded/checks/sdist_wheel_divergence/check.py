"""Code of a wheel is not in the source distribution of the same release.

**What it looks for.** Python that the wheel installs and that the sdist does not have: another text under the same path, or a
path that is not there. It is graver for modules that run a command, run code or reach the network by themselves.

**Why it matters.** People read the repository and the sdist; installers take the wheel. What was put into the wheel alone was
meant not to be read.

**What is not flagged.** Files that builds write: versions, protocol buffers, configuration; releases where hardly anything is the
same, because the wheel's code was generated; more than can be compared.

**When it is a false alert.** Builds that rewrite sources. Ask how the wheel was built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.context import Context
from bonded.checks.kit import Hit, check
from bonded.facts.known import CODE_SINKS, COMMAND_SINKS, NETWORK
from bonded.facts.model import Facts
from bonded.facts.profile import SOON, installed, profile_of
from bonded.values.finding import Severity, When
from bonded.values.states import SubjectKind

_WRITTEN = re.compile(
    r"(^|/)(_?_?(version|about|build|config|generated)\w*|\w*(version|_pb2(_grpc)?|_generated|_build_info))(__)?\.py$|\.pth$"
)
_SOME = 0.3
"""If more of the wheel's modules than this differ, the build rewrites sources."""


@check(
    name="sdist-wheel-divergence",
    version=1,
    severity=Severity.MEDIUM,
    sentence="Code of a wheel is not in the source distribution of the same release.",
    subject=SubjectKind.RELEASE,
    needs_context=True,
)
def divergence(facts: Facts, context: Context) -> Iterator[Hit]:
    """One hit for each module that is in the wheel only."""
    if not context.siblings:
        return
    own = profile_of(facts)
    for other in context.siblings:
        wheel, sdist = (own, other) if own.kind == "wheel" else (other, own)
        if {own.kind, other.kind} != {"wheel", "sdist"} or not (wheel.whole and sdist.whole and wheel.modules):
            continue
        source = dict(line.rsplit(" ", 1) for line in sdist.modules)
        hashes = set(source.values())
        differing = [
            path
            for path, digest in (line.rsplit(" ", 1) for line in wheel.modules)
            if digest not in hashes and not _WRITTEN.search(path)
        ]
        if differing and (len(differing) <= max(1, _SOME * len(wheel.modules)) or len(wheel.modules) <= 3):
            yield from _hits(facts, differing, source)


def _hits(facts: Facts, differing: list[str], source: dict[str, str]) -> Iterator[Hit]:
    acts = _acting(facts) if facts.kind == "wheel" else {}
    for path in differing[:10]:
        what = f"{path} of the wheel is {'another one than' if path in source else 'not'} in the sdist"
        if path in acts:
            yield Hit(f"{what}, and it acts by itself", 0.8, path=path, when=acts[path], severity=Severity.HIGH)
        else:
            yield Hit(what, 0.4, path=path)


def _acting(facts: Facts) -> dict[str, When]:
    """Modules that do something by themselves, by the path under which they are installed."""
    names = CODE_SINKS | COMMAND_SINKS | NETWORK
    return {
        installed(module.path, facts.kind): call.when
        for module in facts.modules
        for call in module.calls
        if call.when in SOON and call.name in names
    }
