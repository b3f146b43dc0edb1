"""Calls that cross modules: a function that runs its parameter, called from another module with hidden or fetched data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bonded.facts import layout
from bonded.facts.model import Argument, Call
from bonded.facts.reading import Reading
from bonded.facts.state import call_key
from bonded.facts.value import SOURCES
from bonded.values.finding import When


def link(readers: Mapping[str, Reading], kind: str) -> None:
    """Note in each module the calls by which data of its own reaches a sink in another. `readers` are modules by path."""
    sinks = {
        f"{layout.dotted(path, kind)}.{scope}": sink
        for path, reader in readers.items()
        for scope, sink in reader.out.sink_parameters.items()
    }
    for reader in readers.values() if sinks else ():
        for one in reader.out.local_calls:
            if one.name in sinks:
                call = Call(
                    sinks[one.name], one.line, one.end_line, one.scope, When.UNKNOWN, 0, False,
                    tuple(_through(argument, one.name) for argument in one.arguments), one.excerpt,
                )  # fmt: skip
                reader.out.calls.setdefault(call_key(call, 0), call)


def _through(argument: Argument, name: str) -> Argument:
    if not SOURCES.isdisjoint(argument.labels):
        return replace(argument, steps=(*argument.steps, f"passed to {name}"))
    return argument
