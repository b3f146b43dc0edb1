"""What gives the clipboard something, and what tells what is in it: by a library, the system, or a command. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.kit import Hit, at, graver, runs_command
from bonded.checks.sending import SOON
from bonded.facts.known import CLIPBOARD
from bonded.facts.model import Call, Module
from bonded.values.finding import Severity

READS = ("pyperclip.paste", "clipboard.paste", "win32clipboard.Get")
_WALLET = re.compile(
    r"^(?:bc1[a-z0-9]{25,60}|[13][1-9A-HJ-NP-Za-km-z]{25,34}|0x[0-9a-fA-F]{40}|T[1-9A-HJ-NP-Za-km-z]{33}|[LM][1-9A-HJ-NP-Za-km-z]{26,33}"
    r"|4[0-9AB][1-9A-HJ-NP-Za-km-z]{93}|r[1-9A-HJ-NP-Za-km-z]{24,34}|D[5-9A-HJ-NP-U][1-9A-HJ-NP-Za-km-z]{32}|ltc1[a-z0-9]{25,60})$"
)
_TOLD = "subprocess.Popen().communicate"
_SETS = re.compile(
    r"\bset-clipboard\b|(?:^|[|&/]\s*)(?:(?:pbcopy|wl-copy|clip(?:\.exe)?)\s*$|xclip\b(?!.*\s-o)|xsel\b.*(?:-i\b|--input))",
    re.IGNORECASE,
)
_GETS = re.compile(
    r"\bget-clipboard\b|\bpbpaste\b|\bwl-paste\b|\bxclip\b.*\s-o|\bxsel\b.*(?:-o\b|--output)", re.IGNORECASE
)
"""Commands that give the clipboard something, and that tell what is in it."""


def overwritten(module: Module, calls: list[Call]) -> Iterator[Hit]:
    """The clipboard is given the address of a wallet, or, by what runs by itself, anything in the place of what was copied."""
    setting = [call for call in calls if _sets(call)]
    for call in setting:
        words = (one.text for one in call.arguments if one.text)
        if any(_WALLET.match(word.strip("'\"")) for text in words for word in text.split()):
            hit = at(module, call, "the clipboard is overwritten with the address of a wallet", 0.9)
            yield graver(hit, Severity.CRITICAL)
    soon = [call for call in setting if call.when in SOON]
    if soon and any(call.when in SOON and _gets(call) for call in calls):
        hit = at(module, soon[0], "what the user copied is read and replaced, by what runs by itself", 0.85)
        yield graver(hit, Severity.CRITICAL)


def _sets(call: Call) -> bool:
    if call.name in CLIPBOARD or call.name.endswith(".SetClipboardData"):
        return True
    told = call.name == _TOLD or runs_command(call)
    return told and any(one.text and _SETS.search(one.text) for one in call.arguments)


def _gets(call: Call) -> bool:
    if call.name.startswith(READS) or call.name.endswith(".GetClipboardData"):
        return True
    return runs_command(call) and _GETS.search(call.arguments[0].text or "" if call.arguments else "") is not None
