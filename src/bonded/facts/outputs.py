"""What comes out of commands, files and addresses: who the machine is, or what is secret on it."""

from __future__ import annotations

import re
from typing import Final

from bonded.facts import places
from bonded.facts.known_secrets import ASKING
from bonded.facts.partly import shaped
from bonded.facts.value import (
    ASKED,
    CREDENTIALS,
    DOWNLOADED,
    ENVIRONMENT,
    FOUND,
    GAP,
    GIVEN_SECRET,
    HOST,
    NOTHING,
    Value,
)

_ANSWERED: Final = {places.LOOK_UP: HOST, places.METADATA: CREDENTIALS}
_TOLD: Final = {"credentials": CREDENTIALS, "environment": ENVIRONMENT, "host": HOST}
_PASSWORD: Final = re.compile(r"(?i)passw(?:or)?d|passphrase|seed phrase|recovery phrase|mnemonic|private key")
_SECRET: Final = re.compile(r"(?i)\btokens?\b|\bcookies?\b|\bapi[ _]?(?:key|hash)|\bsecret\b|session[ _]?(?:id|string)")
"""What else a program may ask for that is nobody else's business. Programs are told it to use it."""
_DIALOG: Final = re.compile(
    r"(?i)osascript\b.*\bhidden answer|zenity\b.*--password|kdialog\b.*--password|\bask-?pass\b|get-credential\b|promptforcredential"
)
"""A command that shows a dialog for a password."""
_FETCHES: Final = re.compile(r"\s*(curl|wget\s+-\S*O\s*-|iwr|dig|nslookup)\b", re.IGNORECASE)
_NAMED: Final = frozenset({"os.listdir", "os.scandir", "os.walk", "glob.glob"})
_PEOPLE: Final = ("/", "/root", "/home", "~", "/users", "c:/users", "/etc", "/home/*")


_OWN: Final = re.compile(
    r"(?:~|%(?:userprofile|home|homepath|homedrive%%homepath|onedrive)%|[a-z]:|/(?:home|users)(?:/[^/.*]+)?|/(?:root|data|sdcard|storage|mnt|media|volumes))"
    r"(?:/(?!appdata|library|program)[^/.…*][^/…*]*){0,2}/*(?:/\*\*?)?(?:/\*[^/]*)?"
)
"""Folders of a person, and those right below them; hidden ones and those of programs are not meant."""


def words(value: Value) -> str:
    """A command line, or whatever is known of it."""
    if value.items is not None:
        return " ".join(map(shaped, value.items[:20]))
    return shaped(value)


def label_of_output(every: list[Value]) -> frozenset[str]:
    """What the output of a command says."""
    line = words(every[0]) if every else GAP
    if _FETCHES.match(line):
        return frozenset({DOWNLOADED})
    if _DIALOG.search(line):
        return frozenset({ASKED})
    what = places.tells(line)
    if what:
        return frozenset({_TOLD[what]})
    return (
        frozenset({CREDENTIALS})
        if line.startswith(("cat ", "type ", "more ")) and places.kind_of_file(line)
        else NOTHING
    )


def is_asking(name: str, arguments: list[Value], keywords: dict[str, Value]) -> bool:
    """Whether a call asks the person at the machine for a password: it hides what is typed, or says so."""
    if name in ASKING:
        return not ASKING[name] or ASKING[name] in keywords
    return name == "builtins.input" and bool(arguments) and _PASSWORD.search(shaped(arguments[0])) is not None


def label_of_question(every: list[Value]) -> frozenset[str]:
    """What the person at the machine types in: a token or cookie, where that is what the question is about."""
    return frozenset({GIVEN_SECRET}) if every and _SECRET.search(shaped(every[0])) else NOTHING


def leads_to_secrets(every: list[Value]) -> bool:
    """Whether one of the paths leads to where secrets lie."""
    return any(places.kind_of_file(words(one)) for one in every[:6] if one.items is None and (one.known or one.shape))


def label_of_file(name: str, every: list[Value]) -> frozenset[str]:
    """What a function that takes a path gives: what is in there, or what is called so."""
    if name in _NAMED and every:
        where = words(every[0]).replace("\\", "/").lower()
        if where in _PEOPLE or where.rstrip("/") in _PEOPLE:
            return frozenset({HOST})
    if name in _NOTHING:
        return NOTHING
    if name == "builtins.open" and every and places.is_settings(words(every[0])):
        return frozenset({ENVIRONMENT})
    return frozenset({CREDENTIALS}) if leads_to_secrets(every) else NOTHING


_NOTHING: Final = frozenset(
    {
        "os.path.exists",
        "os.path.isfile",
        "os.path.isdir",
        "os.path.join",
        "os.path.expanduser",
        "pathlib.Path",
        "os.chmod",
        "os.mkdir",
    }
    | {"os.makedirs", "pathlib.Path().joinpath", "pathlib.Path.home().joinpath"}
)


def label_of_search(callee: Value, every: list[Value]) -> frozenset[str]:
    """What a look through folders gives: files of a person, where it is his folders that are looked through."""
    paths = [words(one) for one in (*every[:1], *(callee.bound or ())[:1])]
    plain = [re.sub(r"[/\\]+", "/", one.lower()) for one in paths]
    return frozenset({FOUND}) if any(one == "/" or _OWN.fullmatch(one) for one in plain) else NOTHING


def label_of_answer(every: list[Value], made: Value | None) -> frozenset[str]:
    """What an address answers: who we are, or the keys of the machine's role in a cloud. The client may be `made` of it."""
    for one in (*every[:1], *((made.items or ())[:4] if made is not None else ())):
        kind = places.kind_of_address(shaped(one))
        if kind in _ANSWERED:
            return frozenset({_ANSWERED[kind]})
    return NOTHING
