"""One YARA-X pass over a file decides whether it is parsed: parsing is what costs, and most files cannot matter.

The rules are made from `facts.atoms`; a test rewrites every positive sample in every way and shows that none slips past.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from functools import cache
from typing import Any

from bonded.facts import atoms
from bonded.facts.source import is_plain

# UTF-8 of characters that Python folds to ASCII letters in identifiers (NFKC, PEP 3131).
_FOLDED = re.compile(
    rb"\xef[\xbc\xbd]|\xf0\x9d[\x90-\x9f]|\xe2[\x81\x82\x84\x85]|\xe1[\xb4-\xb6]|\xc2[\xaa\xba]|\xc5\xbf|\xca[\xb0-\xb8]"
)
_ASCII = bytes(range(128))
MOST = 2000
"""Matches that are counted of one pattern; where there are more, the file is taken to be worth reading."""
LARGE = 2_500_000
"""Longer members are tables, or meant to tire us: one word in them is enough to want them read."""
_ANYTHING = re.compile(
    rb"exec|eval|system|popen|subprocess|__import__|import_module|builtins|spawn|startfile|getattr|__dict__"
)
_LITERAL = re.compile(rb"['\"](?:[A-Za-z0-9+/=_-]|\\\r?\n){80,}")
"""The beginning of a text that may be an encoded program."""
_REPLACES = re.compile(
    rb"[\r\n][a-zA-Z_][a-zA-Z0-9_.]{0,80}\.[a-zA-Z_][a-zA-Z0-9_]{0,40}[ \t]*=[ \t]*[a-zA-Z_][a-zA-Z0-9_]{0,60}[ \t]*[\r\n]"
    rb"|[\r\n][ \t]+(?:[a-z_][a-z0-9_]{0,30}\.){0,3}[A-Z][a-z][a-zA-Z0-9]{0,40}\.[a-zA-Z_]{1,40}[ \t]*=[ \t]*[a-z_][a-z0-9_]{0,40}[ \t]*[\r\n]"
    rb"|[\r\n][ \t]*setattr[ \t]*\([ \t]*(?:[a-z_][a-z0-9_]{0,30}\.){0,3}[A-Z]"
    rb"|\bwrapt\b"
)
"""A function of something outside is replaced, beside a client: what that one is given may go elsewhere. Asked for by itself:
few files have a client, and among the other patterns this one would be looked for in all."""
_EXECUTES = re.compile(rb"(?:^|[^.a-zA-Z0-9_])exec[ \t]*\(")
_ADDRESSED = re.compile(rb"['\"](?:https?|ftp|s3|gs)://")
"""An address in plain writing: it counts beside a call of `exec`, whatever fetches it."""
_REACHING = frozenset(
    {"sinks", "builtins", "namespaces", "importers", "getattr", "code", "network", "clients", "spies", "harm", "files"}
)
_CLIENTS = frozenset({"clients"})
SMALL = 8_000
"""Modules of this length that reach out are worth reading, whatever else they name: what they send may be spelled."""
SHORT = 4_000
"""Modules of this length that copy files or set keys of the registry are worth reading: where to may be spelled."""
REACH, HIDE, NEVER = "reach", "hide", "never"
"""The passes: what could run something, what could hide or fetch it, and imports of tests. Few files need the second."""


def rules(stage: str) -> str:
    """The source of the YARA rules of one pass."""
    if stage == NEVER:
        return _rule("never", atoms.NEVER, "any of them")
    if stage == HIDE:
        groups = {
            "sources": atoms.sources(),
            "roots": atoms.ROOTS,
            "reads": atoms.READS,
            "spelled": atoms.SPELLED,
            "imported": atoms.IMPORTED_SINKS,
            "personal": atoms.private(),
            "addresses": atoms.addresses(),
        }
        made = [_rule(name, patterns, "any of them") for name, patterns in groups.items()]
        return "\n".join([*made, _rule("keys", atoms.service_keys(), "2 of them")])
    groups = {
        "sinks": atoms.sinks(),
        "commands": atoms.commands(),
        "builtins": atoms.BUILTINS,
        "computed": atoms.COMPUTED,
        "code": atoms.CODE,
        "network": atoms.network(),
        "clients": atoms.clients(),
        "spies": atoms.spies(),
        "decoders": atoms.decoders(),
        "harm": atoms.HARM_PATTERNS,
        "files": atoms.FILES,
        "loads": atoms.LOADS,
    }
    made = [_rule(name, patterns, "any of them") for name, patterns in groups.items()]
    others = " or ".join(f"$a{n}" for n in range(1, len(atoms.GETATTR)))
    made.append(
        _rule(
            "getattr", atoms.GETATTR + atoms.PLAIN_GETATTR, f"#a0 > #a{len(atoms.GETATTR)} or #a0 >= {MOST} or {others}"
        )
    )
    made.append(_rule("namespaces", atoms.NAMESPACES + atoms.NAMESPACE_SETS, f"#a0 > #a1 or #a0 >= {MOST}"))
    made.append(_rule("importers", atoms.IMPORTERS + atoms.OWN_MODULE, f"$a0 or $a1 or #a2 > #a3 or #a2 >= {MOST}"))
    return "\n".join(made)


def _rule(name: str, patterns: list[str], condition: str) -> str:
    lines = " ".join(f"$a{n} = {pattern}" for n, pattern in enumerate(patterns))
    return f"rule {name} {{ strings: {lines} condition: {condition} }}"


@cache
def _scanner(stage: str) -> Any:
    import yara_x  # here, because the import alone takes longer than reading a small package

    scanner = yara_x.Scanner(yara_x.compile(rules(stage)))
    scanner.max_matches_per_pattern(MOST)
    return scanner


def _groups(data: bytes, stage: str) -> frozenset[str]:
    return frozenset([rule.identifier for rule in _scanner(stage).scan(data).matching_rules])


def warm() -> None:
    """Compile the rules now (in a process that will fork)."""
    for stage in (REACH, HIDE, NEVER):
        _groups(b"", stage)


def hits(data: bytes) -> frozenset[str]:
    """Which groups of patterns are in the bytes; none where nothing could run anything, whatever else is there."""
    if len(data) > LARGE:
        return frozenset({"sinks", "sources"}) if _ANYTHING.search(data) else frozenset()
    data = unfolded(data)
    found = _groups(data, REACH)
    if len(data) > SMALL:
        found -= _CLIENTS
    return found | _groups(data, HIDE) if found else found


def unfolded(data: bytes) -> bytes:
    """The source with its names as Python reads them (NFKC, PEP 3131); its lines stay where they are."""
    # No pattern holds a byte of ASCII, so without these there is at least as much to find, and most often next to nothing to search.
    if data.isascii() or not _FOLDED.search(data.translate(None, _ASCII)) or not _FOLDED.search(data):
        return data
    return unicodedata.normalize("NFKC", data.decode("utf-8", "replace")).encode("utf-8", "replace")


def names_tests(data: bytes) -> bool:
    """Whether it may import something from a folder of tests or documentation."""
    return len(data) <= LARGE and bool(_groups(data, NEVER))


def matters(data: bytes, groups: frozenset[str]) -> bool:
    """Whether a Python file with these hits must be parsed."""
    if not is_plain(data):
        return True
    anything = not groups.isdisjoint(("builtins", "namespaces"))
    modules = not groups.isdisjoint(("roots", "importers"))
    reaches = anything or "sinks" in groups or ("getattr" in groups and modules) or groups >= {"importers", "imported"}
    hides = anything or not groups.isdisjoint(("sources", "importers"))
    if "harm" in groups or ("files" in groups and len(data) <= SHORT):
        return True
    if "spies" in groups or ("decoders" in groups and (len(data) <= SHORT or _LITERAL.search(data))):
        return True
    if groups >= {"clients", "personal"}:
        return True
    if "network" in groups and not groups.isdisjoint(("personal", "addresses", "decoders", "keys")):
        return True
    if not groups.isdisjoint(("clients", "network")) and _REPLACES.search(data):
        return True
    return (
        (reaches and hides)
        or "commands" in groups
        or groups >= {"computed", "roots"}
        or groups >= {"code", "reads"}
        or groups >= {"code", "spelled"}
        or (
            len(data) <= SMALL
            and (groups >= {"loads", "reads"} or bool(_EXECUTES.search(data) and _ADDRESSED.search(data)))
        )
    )


def reaches_out(size: int, groups: frozenset[str]) -> bool:
    """Whether a file of so many bytes is short and reaches out: of these, an archive's first few are read."""
    return "network" in groups and size <= SMALL


def is_half(groups: frozenset[str]) -> bool:
    """Whether a file that does not matter by itself could run what another one decodes or fetches."""
    return "code" in groups


def is_other_half(data: bytes, groups: frozenset[str]) -> bool:
    """Whether a file with these hits could decode or fetch what another one runs."""
    if len(data) > LARGE:
        return bool(_ANYTHING.search(data))
    if groups:
        return not groups.isdisjoint(("sources", "importers"))
    return "sources" in _groups(unfolded(data), HIDE)  # without a first hit the second pass was not made


def reaching_lines(data: bytes) -> list[int] | None:
    """Lines on which a sink may be named, in order; None for all of them (the bytes do not show it)."""
    if not is_plain(data):
        return None
    data = unfolded(data)
    spans: set[tuple[int, int]] = set()
    for rule in _scanner(REACH).scan(data).matching_rules:
        if rule.identifier in _REACHING:
            for pattern in rule.patterns:
                matches = pattern.matches
                if len(matches) >= MOST:
                    return None
                spans.update((match.offset, match.offset + match.length - 1) for match in matches)
    return _lines(data, {place for span in spans for place in span})


def _lines(data: bytes, places: set[int]) -> list[int]:
    """The numbers of the lines in which these places are."""
    if b"\r" in data:
        starts = [0, *(found.end() for found in re.finditer(rb"\r\n|\r|\n", data))]
        return sorted({bisect_right(starts, place) for place in places})
    lines: dict[int, None] = {}
    line, at = 1, 0
    for place in sorted(places):
        line += data.count(b"\n", at, place)
        at = place
        lines[line] = None
    return list(lines)
