"""The environment, the machine's names, secrets, or what its user does are sent to another machine.

**What it looks for.** Values that say who or where the machine is (host name, user name, addresses, the output of `whoami`
and the like), the whole environment, the keys to several services in it, files and stores in which secrets lie and tools that
tell them, what was taken from keys, screen, clipboard, camera or microphone, and files that are looked for in the folders of
the user (`os.walk("~")`), followed through the code until they reach something that sends: an HTTP request, a socket, a mail, a
messenger's hook, a look-up whose name carries the data, or a command such as `curl`.

**Why it matters.** Most hostile packages want nothing else. It is also what probes for dependency confusion do.

**What is not flagged.** One variable of the environment, such as a token for the service that is called; looking up the
machine's own name; hashes of such values; the public half of a key; what is sent to the machine itself; a key or the name of the
system in the headers of a request that somebody calls for. Sending a host name when the package's functions are called, to an
ordinary host, is only a hint, and into a messenger's channel that whoever calls names only noted: telemetry, error reporters and
notices do that. Secrets together with the machine's names are more than a hint, and so is what is posted to `localhost` at install
time or on import: there it stands in for an address to come.

**When it is a false alert.** Telemetry on import. Ask the owner to send nothing before the user has agreed.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.kit import Hit, at, check, graver, labels_of, runs_command, steps_of
from bonded.checks.sending import HIDDEN_ENDS, NAMED, SEVERAL, Sending, sendings, where
from bonded.facts import places
from bonded.facts.model import Argument, Facts
from bonded.facts.value import CREDENTIALS, ENVIRONMENT, FOUND, HOST, tokens
from bonded.values.finding import Severity, When

_EARLY = (When.INSTALL, When.STARTUP)
_SHOWN = ("headers", "auth", ".", "()")
"""Arguments, and what stands for what a client was given before, that hold what goes with every request."""


@check(
    name="private-data-sent",
    version=1,
    severity=Severity.CRITICAL,
    sentence="The environment, the machine's names, secrets, or what its user does are sent away.",
)
def sent(facts: Facts) -> Iterator[Hit]:
    """Look at everything that is sent."""
    for module in facts.modules:
        for one in sendings(module):
            if one.worst and one.call.when is not When.NEVER and not _is_shown(one):
                severity, confidence = _weight(one)
                steps = steps_of(one.call, *(tokens(one.labels) if one.worst == SEVERAL else (one.worst,)))
                message = f"{NAMED[one.worst]} are sent to {where(one)}".replace(
                    f"{NAMED[one.worst]} are", _verb(one.worst)
                )
                yield graver(at(module, one.call, message, confidence, steps), severity)


def _is_shown(one: Sending) -> bool:
    """Whether a service that somebody calls is only shown a key or the name of the system, as it is with every request."""
    private = one.worst in (CREDENTIALS, HOST) and one.kind not in HIDDEN_ENDS and one.call.when is When.CALL
    return private and not runs_command(one.call) and labels_of(_said(one)).isdisjoint(NAMED)


def _said(one: Sending) -> list[Argument]:
    """What is said, and not shown with every request: headers name the program and its system beside the key."""
    return [each for each in one.call.arguments if each.name not in _SHOWN]


def _verb(label: str) -> str:
    return f"{NAMED[label]} are" if label in (HOST, SEVERAL) else f"{NAMED[label]} is"


def _weight(one: Sending) -> tuple[Severity, float]:
    """How bad and how sure: by when it runs, to whom it goes, and what it is."""
    hidden = one.kind in HIDDEN_ENDS
    if runs_command(one.call) and one.call.when is When.CALL:
        return (Severity.CRITICAL, 0.85) if hidden else (Severity.HIGH, 0.8)  # no library sends by way of curl
    if one.kind == places.LOCAL:
        return Severity.HIGH, 0.8
    if one.call.when in _EARLY:
        return Severity.CRITICAL, 0.95
    if one.call.when is When.IMPORT:
        return (Severity.CRITICAL, 0.95) if hidden or one.worst != HOST else (Severity.CRITICAL, 0.85)
    if hidden and one.fixed:
        return (Severity.CRITICAL, 0.85) if one.worst != HOST else (Severity.HIGH, 0.8)
    if hidden:  # whoever calls names his own channel, to be told that a run is over, and where
        return (Severity.HIGH, 0.6) if one.veiled or one.worst != HOST else (Severity.INFO, 0.3)
    if one.fixed and one.worst == FOUND and one.kind:
        return Severity.HIGH, 0.8  # what is sent to a service is named by who calls, not looked for
    if one.fixed and one.worst == SEVERAL:
        return Severity.HIGH, 0.8
    if one.fixed and ENVIRONMENT in labels_of(one.call.arguments[:1]):
        return Severity.HIGH, 0.8  # a reporter sends it in the body, if at all, not within the address
    if one.fixed and CREDENTIALS in one.labels and HOST in labels_of(_said(one)):
        return Severity.CRITICAL, 0.8  # a service is told who calls or with what key, not a key and whose machine it is
    return (Severity.MEDIUM, 0.4) if one.worst != HOST else (Severity.LOW, 0.3)
