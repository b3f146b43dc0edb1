"""Whose program is run, where a function is called: that of a tool's maker, or what a language model has answered. Pure."""

from __future__ import annotations

import re

from bonded.facts import places
from bonded.facts.known import DOWNLOADERS, NETWORK
from bonded.facts.model import Module

_URL = re.compile(r"[a-z][a-z0-9+.-]{1,9}://[^\s\"'<>|;)]+", re.IGNORECASE)
_CONCEALS = re.compile(r"hidden|\s[-/]e(?:nc|ncodedcommand|c)?\s|base64", re.IGNORECASE)


def installs_a_tool(line: str) -> bool:
    """Whether all that a command fetches is the program with which makers of tools have them installed."""
    found = _URL.findall(line)
    return bool(found) and _CONCEALS.search(line) is None and all(places.is_of("tools", one) for one in found)


def asks_only(module: Module, kind: str) -> bool:
    """Whether all that the module fetches comes from addresses of that kind: "tools", "models"."""
    asked = [call for call in module.calls if call.name in DOWNLOADERS or call.name in NETWORK]
    return bool(asked) and all(
        any(places.is_of(kind, one.text or one.shape) for one in call.arguments) for call in asked
    )
