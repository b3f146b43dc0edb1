"""What a source looks like, before anything is parsed: names, escapes, blanks and characters that hide what it does.

Obfuscators leave shapes that no person writes. Each shape has a gate, a plain search for bytes, so that ordinary sources
cost next to nothing here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import islice

from bonded.facts.model import Trait
from bonded.facts.names import hidden_names
from bonded.facts.spend import Spend

UNDERSCORES, LOOKALIKES, MIXED_ESCAPES, ESCAPES = "underscore-names", "look-alike-names", "mixed-escapes", "escapes"
WALL, BIDI, BANNER, PROTECTOR, LINE_MARKS = "wall-of-blanks", "bidirectional", "banner", "protector", "line-marks"
FOLDED, SCRIPTS, OPENING, ORDERS = "folded-names", "mixed-scripts", "return-hides-line", "orders-to-assistants"
PINNED = "compared-digest"
"""No shape that hides: a program that builds compares something with a digest that it holds."""
MOST = 400_000
"""Bytes of a source that are looked at: a shape shows itself early, or at the end."""
_EXCERPT = 200

_UNDERSCORES = re.compile(rb"(?<![\w'\"])_{3,}(?= ?[=(\[.,;)])")
_PAIRS = (
    b"O0", b"Il", b"lI", b"0O", b"oO", b"XW", b"WX", b"xw", b"MN", b"NM", b"S2", b"2S", b"lj", b"jl", b"JL", b"DO",
)  # fmt: skip
_RUNS = (b"exec(", b"eval(", b"exec,", b"eval,")
_LETTERS = (b"Il1ijJL", b"O0oQD", b"wWxX", b"mMnN", b"Ss25")
_LOOKALIKES = re.compile(
    rb"(?<![\w\\])(?=[A-Za-z])(?:[Il1ijJL]{8,}|[O0oQD]{8,}|[wWxX]{8,}|[mMnN]{8,}|[Ss25]{8,})(?![\w])"
)
_ALIKE = bytes(next((kind for kind, letters in enumerate(_LETTERS, 1) if one in letters), 0) for one in range(256))
_ALIKE_RUNS = tuple(bytes([kind]) * 8 for kind, _ in enumerate(_LETTERS, 1))
"""A source in which no eight letters of a sort follow each other holds no such name; this tells it five times as fast."""
_IDEOGRAPHS = re.compile(rb"(?:[\xe4-\xe9][\x80-\xbf]{2}){12,}")
_SORTS = bytes(105 if 0xE4 <= one <= 0xE9 else 99 if 0x80 <= one <= 0xBF else 0 for one in range(256))
_TWELVE = b"icc" * 12
"""Twelve ideographs once each byte is told by its sort: a source without them is told several times as fast."""
_RUN = re.compile(rb"(?:\\x[0-9a-fA-F]{2}|\\[0-7]{3}|\\[0-7]{2}(?![0-7])){12,}")
_ONE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3}))")
_AFTER_WALL = re.compile(
    rb";|;?[ \t]*(?:import|from|exec|eval|__import__|compile|getattr|os\.|subprocess|globals|try)\b"
)
_BLANKS = re.compile(rb"[ \t]*")
_MOST_WALLS = 100
_RETURN = re.compile(rb"\r(?!\n)[ \t]*[A-Za-z_]")
_BIDI_BYTES = re.compile(rb"\xe2(?:\x80[\xaa-\xae]|\x81[\xa6-\xa9])")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_OPENS, _CLOSES = "\u202a\u202b\u202d\u202e\u2066\u2067\u2068", "\u202c\u2069"
_BANNER = (
    b"obfuscated with", b"obfuscated by", b"obfuscated using", b"pyobfuscate", b"py-obfuscator", b"python-obfuscator",
    b"billythegoat", b"blank obf", b"blankobf", b"py-fuscate", b"pyfuscate", b"__obfuscator__", b"obfuscated code",
    b"protected by pyarmor", b"encrypted by", b"encoded by", b"marshal encoder", b"encode by", b"enc by",
)  # fmt: skip
"""Words of obfuscators, in a comment or text at the top of a file that is no prose."""
_PROTECTOR = re.compile(rb"from[ \t.]+pyarmor_runtime|__pyarmor__[ \t]*\(|from[ \t]+\.?pytransform|pyarmor_runtime\(\)")
_TOOL = re.compile(
    rb"@[^\n@]{1,120}?\btool\b[^\n@]{0,200}\n(?:[ \t]{0,40}@[^\n]{0,200}\n){0,8}[ \t]{0,40}(?:async[ \t])?[ \t]{0,4}def .{1,600}?:[ \t]{0,40}\n"
    rb"\s{0,200}(\"\"\"|''')(.{0,6000}?)\1",
    re.DOTALL,
)
"""A function that a model may call, and its description (group 2). Every part is bounded: a hostile source costs no more."""
_MOST_TOOLS = 200
_FORCES = re.compile(
    rb"<(?:important|system|instructions?|critical)[\w ]*>|\bmandat(?:ed|ory)\b|\bprerequisite\b|non-negotiable|\byou must\b"
    rb"|\balways\b[^.\n]{0,40}\bfirst\b|before (?:using|calling|any|every)|ignore (?:all |any )?previous",
    re.IGNORECASE,
)
_SECRET = re.compile(
    rb"\b(?:read|append|send|pass|include|list|cat|open|copy|attach|forward)\b[^.\n]{0,120}"
    rb"(?:api_key|\.ssh|id_rsa|\.env\b|credentials?\b|passwords?\b|private key|secret|wallet|cookies|\.aws|mcp\.json)",
    re.IGNORECASE,
)
_CONCEALS = re.compile(
    rb"(?:do not|don'?t|never|without|must not)\b[^.\n]{0,30}\b(?:tell|telling|mention|mentioning|inform|informing|notify|notifying"
    rb"|reveal|revealing|alert)\b[^.\n]{0,40}\b(?:user|human|person|them)\b",
    re.IGNORECASE,
)
_HUSHED = re.compile(
    rb"(?:do not|don'?t|never|without|must not)\b[^.\n]{0,30}\b(?:(?:tell|inform|notify|alert)(?:ing)?\b[^.\n]{0,20}\b(?:user|human)"
    rb"|(?:mention|reveal)(?:ing)?\b[^.\n]{0,30}\bto\b[^.\n]{0,10}\b(?:user|human|them)\b)"
    rb"|\b(?:secret|hidden) from (?:the |your )?(?:user|human)",
    re.IGNORECASE,
)
"""In words for every assistant, more is said about users than in the description of one tool."""
_FETCHED = re.compile(
    rb"\b(?:curl|wget|iwr|irm)\b[^\n]{0,300}\|\s*(?:sudo\s+)?(?:ba|z)?(?:sh|iex|python)", re.IGNORECASE
)
_DIGEST = re.compile(rb"[\"'](?:sha(?:256|384|512)[:=-])?(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128})[\"']")
_COMPARED = re.compile(
    rb"digest\(\)(?:\.lower\(\))?[ \t]*[!=]=|[!=]=[^\n=]{0,80}digest\(\)|\bcompare_digest\(|(?:^|\n)[ \t]*(\w{1,40})[ \t]*=[^\n]{0,200}digest\(\)"
)
_BUILDS = (b"setuptools", b"distutils", b"hatchling", b"poetry", b"pdm", b"scikit_build")
_LINE_MARK = re.compile(rb"#line:\d+[ \t]*\r?$", re.MULTILINE)


def traits(data: bytes, spend: Spend | None = None) -> tuple[Trait, ...]:
    """The shapes of one source, in a fixed order; () for ordinary ones. Never fails. `spend` is the archive's budget."""
    return (*shapes(data), *letters(data, spend or Spend()))


def shapes(data: bytes) -> tuple[Trait, ...]:
    """The shapes that a plain search shows."""
    part = _part(data)
    return tuple([one for look in _LOOKS for one in look(part)])


def letters(data: bytes, spend: Spend) -> tuple[Trait, ...]:
    """The shapes of names in other letters, which takes a tokenizer."""
    return tuple(
        Trait(FOLDED if kind == "folded" else SCRIPTS, line, count, text[:_EXCERPT])
        for kind, line, count, text in hidden_names(_part(data), spend)
    )


def _part(data: bytes) -> bytes:
    return data if len(data) <= MOST else data[: MOST // 2] + data[-MOST // 2 :]


def _trait(kind: str, data: bytes, at: int, count: int) -> Trait:
    start = data.rfind(b"\n", 0, at) + 1
    end = data.find(b"\n", at)
    line = data[max(start, at - 60) : end if end >= 0 else len(data)][:_EXCERPT]
    return Trait(kind, data.count(b"\n", 0, at) + 1, count, line.decode("utf-8", "replace"))


def _names(kind: str, pattern: re.Pattern[bytes], least: int, data: bytes) -> Iterator[Trait]:
    uses = 0
    different: set[bytes] = set()
    first = -1
    for match in pattern.finditer(data):
        if len(set(match.group())) > 1 or kind == UNDERSCORES:
            uses += 1
            different.add(match.group())
            first = match.start() if first < 0 else first
    if len(different) >= least and uses >= 3 * least:
        yield _trait(kind, data, first, uses)


def _underscores(data: bytes) -> Iterator[Trait]:
    if b"____" in data:
        yield from _names(UNDERSCORES, _UNDERSCORES, 4, data)


def _ideographs(data: bytes) -> Iterator[Trait]:
    """Names of a dozen ideographs out of a handful of similar ones: no language has such words."""
    if b"\xe6" not in data or _TWELVE not in data.translate(_SORTS):
        return
    runs = [match.group().decode("utf-8", "replace") for match in islice(_IDEOGRAPHS.finditer(data), 400)]
    if len(runs) >= 20 and len(set(runs)) >= 5 and len(set("".join(runs))) <= 24:
        first = _IDEOGRAPHS.search(data)
        yield _trait(LOOKALIKES, data, first.start() if first else 0, len(runs))


def _lookalikes(data: bytes) -> Iterator[Trait]:
    alike = data.translate(_ALIKE)
    if not any(run in alike for run in _ALIKE_RUNS):
        return
    pairs = _PAIRS if any(one in data for one in _RUNS) else _PAIRS[:3]
    if sum(data.count(pair) for pair in pairs) >= 60:
        yield from _names(LOOKALIKES, _LOOKALIKES, 5, data)


def _escapes(data: bytes) -> Iterator[Trait]:
    """Letters written as numbers: `"\\x65\\166\\141"`. Bytes of a table or a colour code are no letters."""
    if data.count(b"\\") < 12 or (data.count(b"\\x6") + data.count(b"\\x7") < 4 and data.count(b"\\1") < 6):
        return
    plain: list[int] = []
    for match in _RUN.finditer(data):
        codes = [int(one[0], 16) if one[0] else int(one[1], 8) for one in _ONE.findall(match.group())]
        if sum(32 <= code < 127 for code in codes) < 0.97 * len(codes):
            continue
        if len({one.startswith(b"\\x") for one in re.findall(rb"\\.", match.group())}) > 1:
            yield _trait(MIXED_ESCAPES, data, match.start(), len(codes))
            return
        if sum(chr(code).isalpha() for code in codes) >= 0.6 * len(codes):
            plain.append(match.start())
    if plain:
        yield _trait(ESCAPES, data, plain[0], len(plain))


def _wall(data: bytes) -> Iterator[Trait]:
    for wall in (b" " * 80, b"\t" * 20):
        at = data.find(wall)
        for _ in range(_MOST_WALLS):
            if at < 0:
                break
            end = _BLANKS.match(data, at)
            after = end.end() if end else at
            line = data.rfind(b"\n", 0, at) + 1
            before = data[line:at].rstrip()
            if before and b"#" not in before and _is_code(before, data, after):
                stop = data.find(b"\n", after)
                text = data[after : stop if stop >= 0 else len(data)][:_EXCERPT]
                yield Trait(WALL, data.count(b"\n", 0, at) + 1, 1, text.decode("utf-8", "replace"))
                return
            at = data.find(wall, after)


def _is_code(before: bytes, data: bytes, after: int) -> bool:
    """Whether what follows a wall of blanks is a statement: not the rest of a table, a text or a remark."""
    if before.endswith(b";"):
        return data[after : after + 1].isalpha() or data[after : after + 1] in (b"_", b"(", b"[")
    return bool(_AFTER_WALL.match(data, after))


def _bidi(data: bytes) -> Iterator[Trait]:
    if data.isascii() or not _BIDI_BYTES.search(data):
        return
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), 1):
        if _BIDI.search(line):
            opened = sum(line.count(one) for one in _OPENS)
            if opened > sum(line.count(one) for one in _CLOSES):
                yield Trait(BIDI, number, opened, unicodedata.normalize("NFC", line.strip())[:_EXCERPT])
                return


def _banner(data: bytes) -> Iterator[Trait]:
    if b"pyarmor" in data or b"pytransform" in data:
        match = _PROTECTOR.search(data)
        if match:
            yield _trait(PROTECTOR, data, match.start(), 1)
    head = data[:1500].lower()
    if b"exec" not in head and b"eval" not in head and b"lambda" not in head:
        head = b""
    for word in _BANNER if head else ():
        at = head.find(word)
        if at >= 0 and _is_banner(head, at):
            yield _trait(BANNER, data, at, 1)
            break
    if b"#line:" in data:
        marks = [match.start() for match in _LINE_MARK.finditer(data)]
        if len(marks) >= 8:
            yield _trait(LINE_MARKS, data, marks[0], len(marks))


def _is_banner(head: bytes, at: int) -> bool:
    """A line of its own that is a comment or an assignment, with code that runs something hidden further down."""
    line = head[head.rfind(b"\n", 0, at) + 1 : at].lstrip()
    return line.startswith((b"#", b"__", b'"""', b"'''")) and (b"exec" in head or b"lambda" in head or b"eval" in head)


def _opening(data: bytes) -> Iterator[Trait]:
    """A bare carriage return on a line with a comment before it: Python runs what follows, most viewers hide it."""
    if b"\r" in data:
        if data.count(b"\r") > 3 + data.count(b"\r\n"):
            return
        for match in _RETURN.finditer(data):
            line = max(data.rfind(b"\n", 0, match.start()), data.rfind(b"\r", 0, match.start())) + 1
            if data.find(b"#", line, match.start()) >= 0:
                yield _trait(OPENING, data, match.end() - 1, 1)
                return


def _orders(data: bytes) -> Iterator[Trait]:
    """The description of a tool for language models that orders them about: it is read by the model, hardly by a person."""
    if b"tool" not in data or b"@" not in data:
        return
    for match in islice(_TOOL.finditer(data), _MOST_TOOLS):
        text = match.group(2)[:4000]
        if _CONCEALS.search(text) or (_FORCES.search(text) and _SECRET.search(text)):
            yield _trait(ORDERS, data, match.start(2), 1)
            return


def _pinned(data: bytes) -> Iterator[Trait]:
    """What is fetched while something is built, and is to have one digest: nobody puts another thing there later."""
    if b"digest(" not in data or not any(one in data for one in _BUILDS):
        return
    written = _DIGEST.search(data)
    for match in islice(_COMPARED.finditer(data), 20) if written else ():
        name = match.group(1)
        if name is None or re.search(rb"\b%b[ \t]*[!=]=|[!=]=[ \t]*%b\b" % (name, name), data):
            yield _trait(PINNED, data, match.start(match.lastindex or 0), 1)
            return


def orders_in(data: bytes) -> bool:
    """Whether words that assistants read have them do something secret: what is not to be told, together with secrets, or with a
    program that is fetched and run."""
    text = data[:MOST]
    return bool(_HUSHED.search(text)) and bool(_SECRET.search(text) or _FETCHED.search(text))


_LOOKS: tuple[Callable[[bytes], Iterator[Trait]], ...] = (
    _underscores, _lookalikes, _ideographs, _escapes, _wall, _bidi, _banner, _opening, _orders, _pinned,
)  # fmt: skip
