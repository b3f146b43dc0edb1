"""The profile of an archive: the little of its facts that another file of its project is compared with. Pure.

It is kept by the archive's hash, so that comparing needs neither the other archive nor its facts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bonded.facts import layout
from bonded.facts.known import CODE_SINKS, COMMAND_SINKS, NETWORK
from bonded.facts.metadata import project_of_filename
from bonded.facts.model import Call, Facts
from bonded.facts.value import CODE, FILE
from bonded.values.finding import When

MOST_MODULES = 4000
_ASKS = re.compile(
    r"\s*(?:git(?:\.exe|\.cmd)?\s+(?:--no-pager\s+|-C\s+\S+\s+)*(?:describe|rev-parse|rev-list|ls-files|log|status|tag)"
    r"|pkg-config|[\w.+]+-config\s+-|uname|sw_vers|getconf|lsb_release|nvidia-smi|sysctl\s+-n"
    r"|(?:gcc|g\+\+|clang|cc|nvcc|rustc|cargo|cmake|ninja|make|node|npm|java|swig|protoc)\s+-{1,2}[vV]\w*$)(?![\w-])[^;&|`$<>\n]*"
)
"""Commands that ask for something, and change and run nothing."""
SOON = (When.INSTALL, When.STARTUP, When.IMPORT)


@dataclass(frozen=True, slots=True)
class Profile:
    """Each sort sorted.

    `flows` are "WHEN what" for calls that run commands, run code or reach the network; `hooks` members that run by
    themselves: setup.py, start-up files; `modules` "PATH sha256" (first 16 digits) of Python as it is installed; `whole` says
    that all of them are listed. `size` is in bytes, unpacked; `authors` are the metadata's authors and their addresses.
    """

    filename: str = ""
    sha256: str = ""
    kind: str = ""
    size: int = 0
    tops: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    binaries: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    whole: bool = True


def profile_of(facts: Facts) -> Profile:
    """The profile of an archive with these facts."""
    names = facts.naming
    modules = sorted(set(_modules(facts)))
    authors = [text for key in ("author", "author-email") for text in facts.metadata.get(key, [])]
    return Profile(
        filename=facts.filename,
        sha256=facts.sha256,
        kind=facts.kind,
        size=sum(member.size for member in facts.members),
        tops=names.tops,
        scripts=names.scripts,
        requires=names.requires,
        hosts=names.hosts,
        binaries=tuple(sorted({stem(path) for path in names.binaries})),
        authors=tuple(sorted(set(authors))),
        flows=tuple(sorted({flow for module in facts.modules for call in module.calls for flow in flows_of(call)})),
        hooks=tuple(sorted(_hooks(facts))),
        modules=tuple(modules[:MOST_MODULES]),
        whole=len(modules) <= MOST_MODULES,
    )


def flows_of(call: Call) -> list[str]:
    """What the call does and when, as it stands in a profile; [] for calls that are compared with nothing."""
    if call.when is When.NEVER or _is_everyday(call):
        return []
    sorts = ((NETWORK, "network"), (COMMAND_SINKS, "command"), (CODE_SINKS, "code"))
    return [f"{call.when.value} {what}" for names, what in sorts if call.name in names]


def _is_everyday(call: Call) -> bool:
    """Whether builds do this without end: `exec(open("version.py").read())`, and to ask for the version of the source, or where
    a library lies."""
    first = call.arguments[0] if call.arguments else None
    if first is None:
        return False
    if call.name in CODE_SINKS:
        return first.text is None and set(first.labels) <= {FILE, CODE} and FILE in first.labels and not call.hidden
    return call.name in COMMAND_SINKS and not first.labels and _ASKS.fullmatch(first.text or "") is not None


def stem(path: str) -> str:
    """A binary member without what every build names anew: version folders, platform tags."""
    folder, _, base = path.rpartition("/")
    return f"{folder.partition('-')[0]}/{base.split('.')[0]}" if folder else base.split(".")[0]


def installed(path: str, kind: str) -> str:
    """Where a Python member stands once it is installed."""
    return layout.inner(path, kind)


def _when(facts: Facts, path: str, *, folders: bool = True) -> When:
    return layout.when_of(path, facts.kind, _own(facts), folders)


def _own(facts: Facts) -> str:
    return project_of_filename(facts.filename).replace("-", "_")


def _modules(facts: Facts) -> list[str]:
    sources = [member for member in facts.members if member.path.endswith((".py", ".pth"))]
    examples = layout.only_examples(((one.path, one.size) for one in sources), facts.kind, _own(facts))
    return [
        f"{installed(one.path, facts.kind)} {one.sha256[:16]}"
        for one in sources
        if _when(facts, one.path, folders=not examples) is not When.NEVER
    ]


def _hooks(facts: Facts) -> set[str]:
    found = set()
    for member in facts.members:
        when = _when(facts, member.path) if member.path.endswith((".py", ".pth")) else When.NEVER
        if when in (When.INSTALL, When.STARTUP):
            found.add(installed(member.path, facts.kind))
    return found
