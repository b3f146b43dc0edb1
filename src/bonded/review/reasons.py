"""Reasons that reviewers give most often, to be chosen by one key. The journal keeps them in English; pages translate them."""

from __future__ import annotations

from bonded.values.refusals import Refusal, define


def _(text: str) -> str:
    return text


_BAD = {
    "sends": _("Malware: it collects private data and sends them away."),
    "runs": _("Malware: it fetches or decodes code and runs it without being asked."),
    "harms": _("Malware: it damages, locks or misuses the computer that installs it."),
    "deceives": _("It takes the name or the look of another project to be installed by mistake."),
    "spam": _("Spam: there is no software in it."),
    "rules": _("It breaks the rules of this index."),
}
REASONS: dict[str, dict[str, str]] = {
    "release": {
        "ordinary": _("A false alert: the code does nothing that its users would not expect."),
        "known": _("Known project and people: the change is what they announced."),
        "research": _("Security research or a test that says so openly and harms nobody."),
    },
    "reject": _BAD,
    "quarantine": _BAD,
    "remove": _BAD,
    "reopen": {"again": _("New facts: somebody has to look again.")},
    "ask-owner": {
        "purpose": _("What is this code for?"),
        "yours": _("Did you upload this yourself?"),
    },
}
"""Act -> code -> sentence."""

UNFIT_REASON = define(
    "unfit-reason",
    400,
    "The reason does not fit the decision",
    "Each decision has reasons of its own. Choose one of them, or say it in your own words.",
)


def sentence(act: str, code: str, words: str) -> str:
    """The reason as it is kept: the chosen sentence, the person's own words, or both. Raises Refusal (unfit-reason).

    "" where neither was given.
    """
    if not code:
        return words
    if code not in REASONS[act]:
        raise Refusal(UNFIT_REASON, f"the reason {code[:40]!r} is none for this decision")
    return f"{REASONS[act][code]} {words}".strip()
