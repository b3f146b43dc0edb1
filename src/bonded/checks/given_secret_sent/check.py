"""A private key, a mnemonic or a password that a caller passes in is sent away.

**What it looks for.** A parameter whose name says that it is the key or the words of a wallet, and that reaches a call that
sends, wherever to; and any other secret parameter (password, token, secret) that goes to a place behind which nobody knows
who reads: a messenger's hook, a request bin, a tunnel, a paste, a bare IP address that is written in the code.

**Why it matters.** Libraries for wallets sign on the machine: the key never has to leave it.

**What is not flagged.** Logging in to an ordinary host with a password or token, which is what clients do.

**When it is a false alert.** Clients of custodial services, to which keys are given on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.kit import Hit, at, check, graver, steps_of
from bonded.checks.sending import HIDDEN_ENDS, sendings
from bonded.facts.model import Facts
from bonded.facts.value import GIVEN_KEY, GIVEN_SECRET
from bonded.values.finding import Severity, When


@check(
    name="given-secret-sent",
    version=1,
    severity=Severity.HIGH,
    sentence="A private key or a password that a caller passes in is sent away.",
)
def given_secret(facts: Facts) -> Iterator[Hit]:
    """Look at everything that is sent."""
    for module in facts.modules:
        for one in sendings(module):
            hidden = one.kind in HIDDEN_ENDS and one.fixed
            if one.call.when is When.NEVER or not one.labels & {GIVEN_KEY, GIVEN_SECRET}:
                continue
            if GIVEN_KEY in one.labels:
                hit = at(
                    module,
                    one.call,
                    "the key of a wallet that is passed in is sent away",
                    0.9,
                    steps_of(one.call, GIVEN_KEY),
                )
                yield graver(hit, Severity.CRITICAL) if hidden else hit
            elif hidden:
                yield at(
                    module,
                    one.call,
                    f"a secret that is passed in is sent to a {one.kind}",
                    0.7,
                    steps_of(one.call, GIVEN_SECRET),
                )
