"""The package reaches an address behind which nobody knows who reads, or that honest programs do not need.

**What it looks for.** Calls and commands that reach out, and where to: request bins and servers that answer any name (made
for tests and probes), tunnels to somebody's own machine, hooks and bots of messengers, pastes and file drops, bare IP
addresses, short addresses, addresses that are decoded or spelled out of the code, services that tell a machine's public
address, the metadata service of clouds, and hosts that anybody has for nothing, where something that the caller gave is told them
and no answer is read. The lists are in `facts/places.toml`. At install time and on import it counts
what is reached at all, and a page that is shown in a browser. A file that is sent to a bare address weighs more than a question
to it.

**Why it matters.** Who wants data or a program to be fetched without leaving a name uses these; an honest package names its
host, and does not call it while it is installed or imported.

**What is not flagged.** Addresses that the caller passes in, bots and hooks whose token whoever runs them sets, hosts under names of
their own when a function is called, and addresses of the machine itself.

**When it is a false alert.** Clients of these very services, and small tools that somebody wrote for himself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.kit import Hit, at, check, graver, runs_command
from bonded.checks.programs import opens_page
from bonded.checks.sending import Sending, command_line, sendings, where
from bonded.facts import places
from bonded.facts.model import Facts
from bonded.facts.value import DATAFILE, FILE, GIVEN_KEY, GIVEN_SECRET, PRIVATE
from bonded.values.finding import Severity, When

_BY_ITSELF = (When.STARTUP, When.IMPORT)
_PROBES = frozenset({places.CALL_BACK, places.REQUEST_BIN, places.TUNNEL})
_LEFT = frozenset({places.PASTE, places.DROP, places.SHORT})
_NOTHING_YET = ("socket.socket().send", "urllib.request.Request", "http.client.HTTP")
"""Said again by a call before or after it."""


@check(
    name="questionable-destination",
    version=1,
    severity=Severity.HIGH,
    sentence="The package reaches an address behind which nobody knows who reads.",
)
def questionable(facts: Facts) -> Iterator[Hit]:
    """Look at where everything goes that reaches out."""
    for module in facts.modules:
        for call in module.calls:
            if call.when in _BY_ITSELF and runs_command(call) and opens_page(call.name, command_line(call)):
                yield at(module, call, "a page is shown as soon as the package is imported", 0.85)
        for one in sendings(module):
            again = one.kind not in _WEIGHTS and not one.veiled and _says_again(one)
            if one.call.when is When.NEVER or again:
                continue
            weight = _weight(one)
            if weight is not None:
                early = {
                    When.INSTALL: " at install time",
                    When.STARTUP: " whenever Python starts",
                    When.IMPORT: " on import",
                }
                what = "an address that is hidden in the code" if one.veiled else where(one)
                message = f"{what} is reached{early.get(one.call.when, '')}"
                yield graver(at(module, one.call, message, weight[1], (f"to {one.address[:120]}",)), weight[0])


def _says_again(one: Sending) -> bool:
    """Whether a call before or after it says as much."""
    return one.call.name.startswith(_NOTHING_YET) and not (one.kind and one.call.name.endswith(".sendall"))


_VARIABLE = re.compile(r"%\w+%")
_SENDERS = (".post", ".put", ".send", ".sendall", ".sendto", ".sendmail", ".send_message", ".emit")
_Weight = tuple[Severity, float]
_WEIGHTS: dict[str, tuple[_Weight, _Weight, _Weight | None]] = {
    **dict.fromkeys(_PROBES, ((Severity.CRITICAL, 0.95), (Severity.CRITICAL, 0.9), (Severity.HIGH, 0.85))),
    places.HOOK: ((Severity.CRITICAL, 0.95), (Severity.CRITICAL, 0.85), (Severity.HIGH, 0.8)),
    places.RAW: ((Severity.CRITICAL, 0.9), (Severity.CRITICAL, 0.8), (Severity.MEDIUM, 0.5)),
    **dict.fromkeys(_LEFT, ((Severity.CRITICAL, 0.9), (Severity.CRITICAL, 0.85), (Severity.LOW, 0.5))),
    places.METADATA: ((Severity.CRITICAL, 0.9), (Severity.HIGH, 0.7), None),
    places.FREE: ((Severity.HIGH, 0.7), (Severity.HIGH, 0.6), None),
    places.LOOK_UP: ((Severity.HIGH, 0.8), (Severity.MEDIUM, 0.6), (Severity.LOW, 0.2)),
}
_VEILED: tuple[_Weight, _Weight, _Weight] = ((Severity.CRITICAL, 0.95), (Severity.CRITICAL, 0.9), (Severity.HIGH, 0.8))
"""For each kind: at install time or start-up, on import, and when a function is called."""


def _takes_a_file(one: Sending) -> bool:
    """Whether a file goes along that is none of the package's own; an address that was read from one is no such thing."""
    return any(FILE in arg.labels and DATAFILE not in arg.labels for arg in one.call.arguments)


def _is_of_the_runner(one: Sending) -> bool:
    """Whether a hook or bot is that of whoever runs the program: its token is a variable of the environment. Where something
    private goes along it is taken to be anybody's, for the program may set the variable itself."""
    token = one.kind == places.HOOK and _VARIABLE.search(one.address.partition("?")[0])
    return bool(token) and one.labels.isdisjoint(PRIVATE | {GIVEN_KEY, GIVEN_SECRET})


def _weight(one: Sending) -> _Weight | None:
    sends = one.call.name.endswith(_SENDERS) or any(arg.name == "data" for arg in one.call.arguments)
    ordinary = ((Severity.HIGH, 0.6) if sends else (Severity.MEDIUM, 0.5)) if one.kind else (Severity.LOW, 0.4)
    early, on_import, called = _WEIGHTS.get(one.kind, (None, ordinary, None))
    if one.veiled and one.kind:
        early, on_import, called = _VEILED
    elif _is_of_the_runner(one):
        called = None
    elif one.kind == places.RAW and FILE in one.labels and _takes_a_file(one):
        called = (Severity.HIGH, 0.8)
    elif one.kind == places.FREE and "parameter" in one.labels and not one.call.answered:
        called = (Severity.LOW, 0.4)
    if one.call.when in (When.INSTALL, When.STARTUP):
        return early
    if one.call.when is When.IMPORT:
        return on_import
    return called if one.fixed else None
