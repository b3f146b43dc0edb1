"""A release does something by itself that the release before did not do.

**What it looks for.** Differences from the release that was public before, file against file of the same kind: commands, code that
is run, or network that is reached when the package is installed, started or imported, where nothing of the sort was before; new
members that run by themselves (`setup.py` beside wheels does not count, start-up files do); a new requirement whose name is near a
popular one; new binaries in a project that had none; ten times the size.

**Why it matters.** Whoever takes over a well-known project publishes one more release of it. That release differs from all others
in what it does by itself.

**What is not flagged.** What the release before did too; commands that only ask (`git describe`, `pkg-config`), and source that is
read from a Python file; flows, when the facts of the two were made by different versions of Bonded. New hosts, requirements,
commands and sizes alone are told beside a graver difference, and are hints by themselves.

**When it is a false alert.** Releases that begin to build native code or to check for updates. Read the difference from the previous
release on the case's page.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.context import Context, Earlier
from bonded.checks.kit import Hit, at, check
from bonded.checks.near import nearest
from bonded.facts.model import Facts
from bonded.facts.profile import Profile, flows_of, profile_of
from bonded.values.finding import Severity
from bonded.values.states import SubjectKind

_FIRST = ("install", "startup")
_GROWN = 10
_LARGE = 200_000


@check(
    name="release-divergence",
    version=1,
    severity=Severity.MEDIUM,
    sentence="A release does something by itself that the release before did not do.",
    subject=SubjectKind.RELEASE,
    needs_context=True,
)
def release_divergence(facts: Facts, context: Context) -> Iterator[Hit]:
    """One hit for each sort of difference, with the lesser ones beside the graver."""
    if context.earlier is None:
        return
    own = profile_of(facts)
    old = next((one for one in context.earlier.files if one.kind == own.kind), None)
    if old is None:
        return
    beside = tuple(_lesser(own, old))
    hits = [*_flows(facts, old, context.earlier, beside), *_members(own, old, context.earlier, beside)]
    yield from hits or [Hit(words, 0.2, severity=Severity.LOW, trace=beside) for words in beside[:1]]


def _members(own: Profile, old: Profile, earlier: Earlier, beside: tuple[str, ...]) -> Iterator[Hit]:
    hooks = [one for one in own.hooks if one not in old.hooks and one.endswith((".pth", "customize.py"))]
    if hooks:
        words = f"it runs code when any Python starts, which {earlier.version} did not: {hooks[0]}"
        yield Hit(words, 0.7, path=hooks[0], trace=beside)
    for name in sorted(set(own.requires) - set(old.requires)):
        near = nearest(name)
        if near is not None and near.distance < 0.3:
            yield Hit(f"it requires {name!r} since this release, which looks like {near.name!r}", 0.7, trace=beside)
    if own.binaries and not old.binaries:
        words = f"it has binaries since this release: {own.binaries[0]}"
        yield Hit(words, 0.4, severity=Severity.LOW, trace=beside)


def _flows(facts: Facts, old: Profile, earlier: Earlier, beside: tuple[str, ...]) -> Iterator[Hit]:
    """What runs by itself and is new, the soonest first: what ran at import before and now at install is new too."""
    if not earlier.same_rules:
        return
    new = [(flow, module, call) for module in facts.modules for call in module.calls for flow in flows_of(call)]
    told = set(old.flows)
    for flow, module, call in sorted(new, key=lambda one: (one[0], one[1].path, one[2].line)):
        when, _, what = flow.partition(" ")
        if flow in told or when not in (*_FIRST, "import"):
            continue
        told.add(flow)
        words = {
            "network": "the network is reached",
            "command": "a command is run",
            "code": "code is put together and run",
        }[what]
        sure = (0.8 if beside else 0.7) if when in _FIRST else (0.5 if beside else 0.4)
        yield at(module, call, f"{words} at {when}, which {earlier.version} did not do", sure, beside)


def _lesser(own: Profile, old: Profile) -> Iterator[str]:
    hosts = sorted(set(own.hosts) - set(old.hosts))
    if hosts and not old.hosts:
        yield f"new addresses in the code: {', '.join(hosts[:5])}"
    if own.size > max(_LARGE, old.size * _GROWN):
        yield f"it is {own.size // max(1, old.size)} times as large"
    tops = sorted(set(own.tops) - set(old.tops))
    if tops and old.tops:
        yield f"new import names: {', '.join(tops[:5])}"
