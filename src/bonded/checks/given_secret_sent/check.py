"""A private key, a mnemonic or a password that a caller passes in is sent away.

**What it looks for.** A parameter whose name says that it is the key or the words of a wallet (`private_key`, `seed` and their
like only in a module that speaks of wallets), and that reaches a call that sends, wherever to; and any other secret parameter
(password, token, secret), or token and cookie that the package asks the person for, that goes to a place behind which nobody
knows who reads: a messenger's hook, a request bin, a tunnel, a paste, a bare IP address that is written in the code. The words
of a wallet that the package has made count as given. So does all that is given to a function of another package
(`boto3.client`, `Keypair.from_seed`) that the package replaces with one that sends it, or puts it into a transaction. A
password with which a function logs in to a service that its caller names is sent to nobody else. One that the package asks the
person for is not sent as soon as it is installed or imported, and neither to hidden places nor to several at once. At hidden
places and on hosts that anybody has for nothing, also a text that names secrets and has a value beside each, wherever the
values come from.

**Why it matters.** Libraries for wallets sign on the machine: the key never has to leave it.

**What is not flagged.** What is made with a key: signatures, signed transactions, addresses. Logging in to an ordinary host, or
to a free one, with a password or token, which is what clients do.

**When it is a false alert.** Clients of custodial services, to which keys are given on purpose, and tools that watch what other
libraries are asked, and say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bonded.checks.kit import Hit, at, check, graver, labels_of, steps_of
from bonded.checks.sending import HIDDEN_ENDS, SOON, Sending, sendings, where
from bonded.facts import places
from bonded.facts.clients import LOGINS
from bonded.facts.model import Argument, Facts, Module
from bonded.facts.value import ASKED, GIVEN_AS, GIVEN_KEY, GIVEN_SECRET, OVERHEARD, REPORT
from bonded.values.finding import Severity, When

_SERVICES = 3
"""A log-in may take two steps at two places."""


@check(
    name="given-secret-sent",
    version=1,
    severity=Severity.HIGH,
    sentence="A private key or a password that a caller passes in is sent away.",
)
def given_secret(facts: Facts) -> Iterator[Hit]:
    """Look at everything that is sent."""
    for module in facts.modules:
        every = [one for one in sendings(module) if one.call.when is not When.NEVER]
        for one in every:
            yield from _sent(module, one)
        yield from _copied(module, every)
        yield from _asked(module, [one for one in every if ASKED in one.labels and one.kind])


def _copied(module: Module, every: list[Sending]) -> Iterator[Hit]:
    """What a caller passes in to log in to one service is, by the same function, sent to another one that is written in the code."""
    used = {(call.scope, name) for call in module.calls if call.name in LOGINS for name in _names(call.arguments)}
    for one in every:
        sent = {(one.call.scope, name) for name in _names(one.call.arguments)}
        if one.fixed and one.call.name not in LOGINS and not used.isdisjoint(sent):
            what = f"a secret that is passed in to log in elsewhere is sent to {where(one)}"
            yield at(module, one.call, what, 0.8, steps_of(one.call, GIVEN_SECRET))


def _names(arguments: Iterable[Argument]) -> list[str]:
    """The names of the secret parameters that these arguments hold."""
    return [label for label in labels_of(arguments) if label.startswith(GIVEN_AS)]


def _asked(module: Module, every: list[Sending]) -> Iterator[Hit]:
    """A password that the person is asked for is sent before anything was done with the package, or to more than those whose it is."""
    hosts = {".".join(one.address.partition("://")[2].partition("/")[0].split(".")[-2:]) for one in every if one.fixed}
    for one in every:
        soon = one.call.when in SOON
        if soon or (one.fixed and (one.kind in HIDDEN_ENDS or len(hosts) >= _SERVICES)):
            what = f"a password that the person at the machine is asked for is sent to {where(one)}"
            hit = at(module, one.call, what, 0.9 if soon else 0.8, steps_of(one.call, ASKED))
            yield graver(hit, Severity.CRITICAL) if soon else hit


def _sent(module: Module, one: Sending) -> Iterator[Hit]:
    hidden = one.kind in HIDDEN_ENDS and one.fixed
    if GIVEN_KEY in one.labels:
        what = "the key of a wallet that is passed in or made is sent away"
        hit = at(module, one.call, what, 0.9, steps_of(one.call, GIVEN_KEY))
        yield graver(hit, Severity.CRITICAL) if hidden else hit
    elif OVERHEARD in one.labels and one.fixed and one.kind:
        what = f"what is given to a function of another package, which this one replaces, is sent to {where(one)}"
        yield at(module, one.call, what, 0.8, steps_of(one.call, OVERHEARD))
    elif REPORT in one.labels and one.fixed and (hidden or one.kind == places.FREE):
        what = f"a text that names secrets, with a value beside each, is sent to a {one.kind}"
        yield at(module, one.call, what, 0.8, steps_of(one.call, REPORT))
    elif GIVEN_SECRET in one.labels and hidden:
        what = f"a secret that is passed in is sent to a {one.kind}"
        yield at(module, one.call, what, 0.7, steps_of(one.call, GIVEN_SECRET))
