"""What `bonded check facts` prints of one archive: every fact that is not empty, named as a check reads it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from fnmatch import fnmatchcase

from bonded.facts.model import Argument, Call, Facts, Module

PYTHON = (".py", ".pyw", ".pth")
TEXT = 120
"""Characters that are shown of one text."""
UNPARSED = "not parsed: it names nothing that could run, fetch or hide something, or it is of tests or documentation"


ALL = "*"


def matches(path: str, member: str) -> bool:
    """Whether the member at `path` is meant by the pattern `member`, which is one of a shell; "*" stands for slashes too."""
    return fnmatchcase(path, member)


def lines_of(facts: Facts, member: str = ALL) -> Iterator[str]:
    """The lines. With a pattern, those of other members, and of the archive itself, are left out."""
    if member == ALL:
        yield f"{facts.filename}: {facts.kind}, name {facts.name or 'unknown'}, version {facts.version or 'unknown'}"
        for key, values in sorted(facts.metadata.items()):
            yield f"metadata[{_quoted(key)}]: {_joined(map(_quoted, values))}"
        yield from _naming(facts)
        yield from (f"trouble {one.code} {one.path}: {one.sentence}" for one in facts.troubles)
        yield from (f"unread: {words}" for words in facts.unread)
    modules = {one.path: one for one in facts.modules}
    scripts = {one.path: one for one in facts.scripts}
    for one in facts.members:
        if not matches(one.path, member):
            continue
        yield f"member {one.path}: {one.form or one.kind}, {one.size} bytes"
        if one.path in modules:
            yield from _module(modules[one.path])
        elif one.path.endswith(PYTHON):
            yield f"  {UNPARSED}"
        if one.path in scripts:
            script = scripts[one.path]
            yield f"  script in {script.language}, runs at {script.when.value}"
            yield from _block(script.text)


def _naming(facts: Facts) -> Iterator[str]:
    for field in fields(facts.naming):
        value = getattr(facts.naming, field.name)
        if field.name != "sketch" and value:
            shown = _joined(map(_quoted, value)) if isinstance(value, tuple) else _plain(value)
            yield f"naming.{field.name}: {shown}"


def _module(one: Module) -> Iterator[str]:
    yield f"  module, its top level runs at {one.when.value}"
    if one.imports:
        yield f"  imports: {_joined(one.imports)}"
    for call in one.calls:
        yield from _call(call)
    for decoded in one.decoded:
        yield f"  line {decoded.line}: decoded, depth {decoded.depth}"
        yield from _block(decoded.text)
    for trait in one.traits:
        yield f"  line {trait.line}: trait {trait.kind}, {trait.count} times: {_cut(trait.excerpt)}"
    if not (one.calls or one.decoded or one.traits):
        yield "  no call that is kept, nothing decoded, no trait"


def _call(one: Call) -> Iterator[str]:
    said = [f"runs at {one.when.value}"]
    said += [f"scope {one.scope}"] if one.scope else []
    said += [f"depth {one.depth}"] if one.depth else []
    said += ["hidden"] if one.hidden else []
    said += [] if one.answered else ["not answered"]
    yield f"  line {one.line}: {one.name}, {', '.join(said)}"
    for place, argument in enumerate(one.arguments):
        yield f"    {argument.name or place}: {_value(argument)}{_labels(argument)}"
        yield from (f"      - {step}" for step in argument.steps)


def _value(one: Argument) -> str:
    if one.text is not None:
        return f"text {_quoted(one.text)}"
    return f"shape {_quoted(one.shape)}" if one.shape else "not known"


def _labels(one: Argument) -> str:
    return f"  labels: {', '.join(one.labels)}" if one.labels else ""


def _block(text: str) -> Iterator[str]:
    return (f"    | {row}" for row in text.splitlines())


def _plain(value: object) -> str:
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    return json.dumps(_cut(text), ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= TEXT else f"{text[:TEXT]}…"


def _joined(some: Iterable[str]) -> str:
    return ", ".join(some)
