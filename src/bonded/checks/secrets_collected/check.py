"""What browsers, messengers or wallets keep secret is collected.

**What it looks for.** Paths of the stores in which browsers keep passwords and cookies, messengers their tokens, and wallets
their keys, as they are opened, copied or listed; the calls that decrypt what lies there; and whether the same module also
sends something.

**Why it matters.** No library needs the passwords of the user's browser to do what it says.

**What is not flagged.** Files of SSH, clouds and package tools: their clients read them (`private-data-sent` looks at where
that goes). One such path without anything that sends is a hint.

**When it is a false alert.** Forensic tools and exporters of bookmarks or cookies; those that never send are weighed lightly.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.kit import Hit, at, check, graver
from bonded.checks.sending import HIDDEN_ENDS, sendings
from bonded.facts.known import PATH_USERS, SECRETS
from bonded.facts.model import Call, Facts, Module
from bonded.facts.places import kind_of_file
from bonded.values.finding import Severity, When

_STORES = frozenset({"passwords of browsers", "tokens of messengers", "wallets"})


@check(
    name="secrets-collected",
    version=1,
    severity=Severity.HIGH,
    sentence="What browsers, messengers or wallets keep secret is collected.",
)
def collected(facts: Facts) -> Iterator[Hit]:
    """Look at the paths that each module touches, and at what it sends."""
    for module in facts.modules:
        touched = {call: kind for call in module.calls if call.when is not When.NEVER and (kind := _store(call))}
        if touched:
            yield from _module(module, touched)


def _module(module: Module, touched: dict[Call, str]) -> Iterator[Hit]:
    kinds = sorted(set(touched.values()))
    sent = [one for one in sendings(module) if one.call.name.rpartition(".")[2] not in ("recv", "getaddrinfo")]
    opened = any(call.name in SECRETS for call in touched)
    first = min(touched, key=lambda call: (call.when is When.CALL, call.line))
    message = f"{' and '.join(kinds)} are collected" + (" and something is sent" if sent else "")
    if sent and (len(kinds) > 1 or opened or any(one.kind in HIDDEN_ENDS for one in sent)):
        yield graver(at(module, first, message, 0.9), Severity.CRITICAL)
    elif sent or len(kinds) > 1 or first.when in (When.INSTALL, When.STARTUP):
        yield at(module, first, message, 0.7)
    else:
        yield graver(at(module, first, message, 0.5), Severity.LOW)


def _store(call: Call) -> str:
    """The kind of secrets that the call touches; "" for none."""
    if call.name in SECRETS:
        return "passwords of browsers" if call.name.startswith(("win32crypt.", "browser_cookie3.")) else ""
    if call.name not in PATH_USERS:
        return ""
    kinds = (kind_of_file(one.text or one.shape) for one in call.arguments if one.text or one.shape)
    return next((kind for kind in kinds if kind in _STORES), "")
