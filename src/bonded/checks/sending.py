"""What reaches out: calls and commands that send or fetch, where to, and what goes along. Pure; shared by several checks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from bonded.checks.kit import runs_command
from bonded.facts import places
from bonded.facts.clients import CARRIERS, SENT
from bonded.facts.known import NETWORK
from bonded.facts.model import Argument, Call, Module
from bonded.facts.places import kind_of_address
from bonded.facts.shape import PINNED
from bonded.facts.value import (
    CHARS,
    CREDENTIALS,
    DATAFILE,
    DECODED,
    DOWNLOADED,
    ENVIRONMENT,
    FILE,
    FOUND,
    HOST,
    PARSED,
    PRIVATE,
    WATCHED,
    tokens,
)
from bonded.values.finding import When

SEVERAL = "keys to several services"
"""Stands among the labels of what goes along where it has the keys to more than one service: no service is told those of others."""
NAMED = {
    CREDENTIALS: "what is read from where secrets lie",
    WATCHED: "what the person at the machine types, copies, shows or says",
    FOUND: "a file that was looked for in the user's folders",
    SEVERAL: "the keys to several services",
    ENVIRONMENT: "the environment",
    HOST: "the names or addresses of the machine or its user",
}
"""Labels of private data in words, the worst first."""
TELLING = (
    places.CALL_BACK,
    places.REQUEST_BIN,
    places.HOOK,
    places.TUNNEL,
    places.METADATA,
    places.PASTE,
    places.DROP,
    places.RAW,
    places.SHORT,
    places.FREE,
    places.LOOK_UP,
)
"""Kinds of destinations that tell something, the most telling first."""
SOON = (When.INSTALL, When.STARTUP, When.IMPORT)
MANY = 3
"""Two keys may be two ways to call one service; of what runs by itself, two are enough."""
HIDDEN_ENDS = frozenset(
    {places.CALL_BACK, places.REQUEST_BIN, places.HOOK, places.TUNNEL, places.RAW, places.PASTE, places.DROP}
)
"""Behind these, nobody knows who reads."""
LOOK_UPS = ("socket.gethostbyname", "socket.gethostbyname_ex", "socket.getaddrinfo", "dns.resolver.")
_BOT_CALLS = (
    "telebot.TeleBot",
    "telegram.Bot",
    "telegram.ext.Updater",
    "discord.Client().run",
    "discord.ext.commands.Bot().run",
)
"""They speak to the owner of a bot's token."""
_OF_THE_RUNNER = re.compile(r"^%\w+%(?:\s|$)|^<|^(?!\d)[\w. -]{0,40}(?:your|here|paste|insert|change)", re.IGNORECASE)
"""What a client was made of where that is a variable of the environment, or words in the place of a token."""
_NOT_SENT = frozenset({"timeout", "verify", "cert", "proxies", "context", "cafile", "stream", "allow_redirects", "()"})
_TOOL = re.compile(
    r"(?:^|[\s;&|`\"'(/\\])(curl|wget|nslookup|dig|host|ping|nc|ncat|netcat|scp|sftp|rsync|telnet|git|pip3?|ftp|start|xdg-open|getent\s+a?hosts(?:v[46])?|resolve-dnsname|invoke-webrequest|invoke-restmethod|iwr|irm)"
    r"(?:\.exe)?\s",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"(?:https?://)?(?:[\w%…${}()`-]+\.)+[a-z]{2,}(?::\d+)?(?:/[^\s\"']*)?|(?:https?://)?\d{1,3}(?:\.\d{1,3}){3}",
    re.IGNORECASE,
)
_WITHIN = re.compile(
    r"\$\(|`[^`]+`|\$(?:HOSTNAME|USER|HOME|PWD)\b|%(?:USERNAME|COMPUTERNAME)%|(?:-d|--data\S*|-F|--form|-T|--upload-file)\s*\S*@|\|\s*(?:curl|nc|ncat)\b"
)


_TAKES = re.compile(
    r"\bscp\b|\bsftp\b|\brsync\b|\s(?:-T|-F|-d|--data\S*|--upload-file|--form|--post-file)\b|\|\s*(?:curl|nc|ncat|ssh)\b|[<]\s*[~$/]"
)
"""A tool that is given a file to take along."""
_QUIET = frozenset({"git", "pip", "pip3"})
"""They reach their servers all day: only what is private counts."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One call that reaches out. `kind` is that of `places`, "" when the address is not known; `labels` those of what goes
    along; `address` what is known of where to; `fixed` when all of the address is written in the code; `veiled` when it is
    written so that nobody can read it."""

    call: Call
    kind: str
    address: str
    labels: frozenset[str]
    fixed: bool
    veiled: bool = False

    @property
    def worst(self) -> str:
        """The worst label of private data that goes along; "" for none."""
        return next((one for one in NAMED if one in self.labels), "")


def sendings(module: Module) -> Iterator[Sending]:
    """Every call of the module that reaches out, by itself or through a command."""
    ends = [
        _address(call) for call in module.calls if call.name in ("socket.socket().connect", "socket.create_connection")
    ]
    for call in module.calls:
        if call.name in NETWORK or call.name in CARRIERS or call.name == SENT:
            yield from _direct(call, ends)
        elif runs_command(call):
            yield from _by_command(call)


def _direct(call: Call, ends: list[tuple[str, str, bool]]) -> Iterator[Sending]:
    kind, address, fixed = _address(call)
    if (
        not kind
        and call.name.startswith("socket.")
        and call.name.endswith((".send", ".sendall", ".sendto", ".connect"))
    ):
        kind, address, fixed = next((one for one in ends if one[0]), (kind, address, fixed))
    if call.name.startswith(_BOT_CALLS):
        kind, address, fixed = _bot(call)
    labels = frozenset(label for one in call.arguments if one.name not in _NOT_SENT for label in one.labels)
    if call.name.startswith(_BOT_CALLS) and not (kind or labels & PRIVATE):
        return  # made of the key of whoever runs it, it reaches nobody else
    if call.name.startswith(LOOK_UPS) and not kind:
        labels -= PRIVATE  # looking up one's own name tells nobody
    if kind == places.METADATA:
        labels -= {CREDENTIALS}  # it is shown what it gave
    if len(tokens(labels)) >= (2 if call.when in SOON else MANY):
        labels |= {SEVERAL}
    if (kind != places.LOCAL or _stands_in(call, labels)) and (kind != places.RESOLVER or labels & PRIVATE):
        yield Sending(call, kind, address, labels, fixed, _is_veiled(call, address))


def _bot(call: Call) -> tuple[str, str, bool]:
    """Where a bot speaks to: a token that is written in the code, or is hidden there, is that of its author; one out of the
    environment, out of a file, from a caller or yet to be written is that of whoever runs the bot."""
    made = Argument() if "()" in call.name or not call.arguments else call.arguments[0]
    token = next((one for one in call.arguments if one.name in ("()", "token")), made)
    given = _OF_THE_RUNNER.search(token.text or "") or not {FILE, PARSED, "parameter"}.isdisjoint(token.labels)
    hidden = not {DECODED, CHARS, DOWNLOADED}.isdisjoint(token.labels)
    written = bool(token.text) and not given
    return (places.HOOK, "a bot", written) if written or hidden else ("", "", False)


def _stands_in(call: Call, labels: frozenset[str]) -> bool:
    """Whether an address of the machine itself stands for one that another release will name: data of the machine are posted
    there by themselves."""
    return bool(labels & PRIVATE) and call.when in SOON and call.name.endswith((".post", ".put"))


def _is_veiled(call: Call, address: str) -> bool:
    """Whether the address was decoded or spelled, out of what stands in the code, or all of it out of a file of the package."""
    return any(
        set(one.labels) & {DECODED, CHARS}
        and DOWNLOADED not in one.labels
        and (address == one.text or (address == one.shape and DATAFILE not in one.labels))
        for one in call.arguments
        if address and one.name in ("", "url", "()")
    )


def _address(call: Call) -> tuple[str, str, bool]:
    texts = [one.text if one.text is not None else one.shape for one in call.arguments]
    found = [_end(text) for text in texts if text]
    known = [one for one in found if one[0]]
    telling = [one for kind in TELLING for one in known if one[0] == kind]
    return (telling or known or [("", found[0][1] if found else "", False)])[0]


@lru_cache(maxsize=4096)
def _end(text: str) -> tuple[str, str, bool]:
    """What the text would be as an address: several checks ask it of the same calls."""
    return kind_of_address(text), text, is_fixed(text)


def is_fixed(address: str) -> bool:
    """Whether the address is written in the code: all of it where its path decides who reads, else the host."""
    host, _, path = address.partition("://")[2].partition("/") if "://" in address else address.partition("/")
    hook = kind_of_address(address) == places.HOOK
    return "…" not in host and not (hook and "…" in path.partition("?")[0])


def _by_command(call: Call) -> Iterator[Sending]:
    line = command_line(call)
    tool = _TOOL.search(f" {line}")
    if tool is None:
        return
    addresses = [(kind_of_address(one), one) for one in _ADDRESS.findall(line[max(tool.start() - 1, 0) :])]
    known = [one for one in addresses if one[0]]
    telling = [one for kind in TELLING for one in known if one[0] == kind]
    kind, address = (telling or known or [("", "")])[0]
    labels = frozenset(label for one in call.arguments if one.name in ("", "args", "input") for label in one.labels)
    if _WITHIN.search(line):
        labels |= {HOST}
    if _TAKES.search(line) and places.kind_of_file(line):
        labels |= {CREDENTIALS}
    if tool[1].lower() in _QUIET and not (kind and labels & PRIVATE and call.when in SOON):
        return
    if kind != places.LOCAL and (kind or labels & PRIVATE):
        yield Sending(call, kind, address, labels, is_fixed(address))


def command_line(call: Call) -> str:
    """The words of a command, "…" where a part is not known."""
    return " ".join(one.text or one.shape or "…" for one in call.arguments if one.name in ("", "args"))


def where(one: Sending) -> str:
    """The destination in words."""
    if one.kind in ("", places.ORDINARY):
        return "another machine"
    if one.kind == places.LOCAL:
        return "an address that stands in for another machine"
    return f"a {one.kind}" if one.kind[0] not in "aeiou" else f"an {one.kind}"


def compares_digest(module: Module) -> bool:
    """Whether what is fetched at install time is hashed, and compared with a digest that is written there."""
    hashed = any(call.name.startswith("hashlib.") and call.when is When.INSTALL for call in module.calls)
    return hashed and any(one.kind == PINNED for one in module.traits)
