"""Values of the abstract interpreter: what is known of an expression without running anything.

A value may be a folded constant, a dotted name of something outside, a function or class of the same package, or a
container of values; and it carries labels: where its data came from.
"""

from __future__ import annotations

from typing import Any, Final

DECODED: Final = "decoded"
"""Went through a decoder: base64, hex, zlib, marshal, rot13, a cipher, ..."""
DOWNLOADED: Final = "downloaded"
"""Came from the network."""
PARSED: Final = "parsed"
"""Was picked out of a parsed structure (JSON, a regular expression): data rather than a program."""
CHARS: Final = "characters"
"""Was put together from character codes."""
FILE: Final = "file"
"""Was read from a file."""
DATAFILE: Final = "data-file"
"""Was read from a file that is no Python source."""
ENVIRONMENT: Final = "environment"
"""Holds the whole environment of the process."""
HOST: Final = "host"
"""Says who or where the machine is: host name, user name, addresses."""
CREDENTIALS: Final = "credentials"
"""Was read from where secrets lie: keys, passwords and cookies of browsers, tokens, wallets, the cloud's metadata."""
WATCHED: Final = "watched"
"""Was taken from the person at the machine: keys pressed, the screen, the camera, the microphone, the clipboard."""
MESSAGE: Final = "message"
"""Was written by somebody in a chat, and handed to a bot."""
FOUND: Final = "found"
"""Is, or was read from, a file that was looked for in the folders of whoever sits at the machine."""
ENCRYPTED: Final = "encrypted"
"""Went through a cipher, the way in."""
EMBEDDED: Final = "embedded"
"""Is a file that this code wrote, and that holds a program which stands in the source as a text."""
GIVEN_KEY: Final = "given key"
"""Was given by whoever calls the function, as the key or the words of a wallet, or was made as such."""
GIVEN_SECRET: Final = "given secret"
"""Was given by whoever calls the function, as a password or token."""
TOKEN_OF: Final = "token of "
"""Begins a label: it holds the key to that service, out of a variable of the environment."""
OVERHEARD: Final = "overheard"
"""Was given to a function of another package that this one has replaced with its own, or is what that one gave back."""
GIVEN_AS: Final = "given as "
"""Begins a label beside it: the name of that parameter."""
ASKED: Final = "asked"
"""Is a password that the program asks the person at the machine for."""
REPORT: Final = "report"
"""Is a text that names secrets, and has something beside each name ("User: …, Pass: …")."""
CODE: Final = "code"
"""Is a code object."""
HIDDEN: Final = "hidden"
"""Its name was computed, not written."""

SOURCES: Final = frozenset({DECODED, DOWNLOADED, CHARS, DATAFILE, MESSAGE})
PRIVATE: Final = frozenset({ENVIRONMENT, HOST, CREDENTIALS, WATCHED, FOUND, OVERHEARD, ASKED})
"""What belongs to the person or the machine, and is nobody else's business."""
MOST_SHAPE: Final = 300
GAP: Final = "…"
"""Stands in a `shape` for what is not known."""


def tokens(labels: frozenset[str]) -> frozenset[str]:
    """Those of the labels that say of which service there is a key."""
    return frozenset([one for one in labels if one.startswith(TOKEN_OF)])


def keys(labels: frozenset[str]) -> frozenset[str]:
    """Those of the labels that say of something that it is a key or a password, whosever it is: what is made with one is another thing."""
    named = [one for one in labels if one.startswith(GIVEN_AS)]
    return (labels & {ASKED, GIVEN_KEY} | tokens(labels)).union(named)


def private(labels: frozenset[str]) -> frozenset[str]:
    """Those of the labels that say of something that it is nobody else's business."""
    return labels & PRIVATE | tokens(labels)


class _Unknown:
    def __repr__(self) -> str:
        return "?"


UNKNOWN: Final = _Unknown()
NOTHING: Final[frozenset[str]] = frozenset()


class Value:
    """One abstract value; never changed after it was made (containers grow by replacement)."""

    __slots__ = ("bound", "const", "items", "labels", "local", "names", "shape", "steps", "table")

    def __init__(
        self,
        const: Any = UNKNOWN,
        names: tuple[str, ...] = (),
        labels: frozenset[str] = NOTHING,
        *,
        items: tuple[Value, ...] | None = None,
        table: dict[Any, Value] | None = None,
        local: Any = None,
        bound: tuple[Value, str] | None = None,
        steps: tuple[str, ...] = (),
        shape: str = "",
    ) -> None:
        self.const = const
        self.names = names
        self.labels = labels
        self.items = items
        self.table = table
        self.local = local
        self.bound = bound
        self.steps = steps
        self.shape = shape
        """Of a text that is known in part: what is known, with GAP for the rest."""

    @property
    def known(self) -> bool:
        return self.const is not UNKNOWN

    def labelled(self, labels: frozenset[str], *steps: str) -> Value:
        """The same value with more labels."""
        return Value(
            self.const,
            self.names,
            self.labels | labels,
            items=self.items,
            table=self.table,
            local=self.local,
            bound=self.bound,
            steps=(*self.steps, *steps)[-12:],
            shape=self.shape,
        )


ANY: Final = Value()


def join(left: Value, right: Value) -> Value:
    """What is known when either may be the case: labels and names of both, the constant only where they agree; of two texts, the
    one that says more."""
    if left is right:
        return left
    same = left.known and right.known and type(left.const) is type(right.const) and left.const == right.const
    return Value(
        left.const if same else UNKNOWN,
        tuple(dict.fromkeys(left.names + right.names))[:6],
        _either(left.labels, right.labels),
        items=left.items if left.items is not None else right.items,
        table=left.table if left.table is not None else right.table,
        local=left.local if left.local is not None else right.local,
        bound=left.bound or right.bound,
        steps=left.steps or right.steps,
        shape="" if same else left.shape or right.shape or max(_text(left), _text(right), key=len),
    )


def _either(left: frozenset[str], right: frozenset[str]) -> frozenset[str]:
    """Labels of what is one thing or the other. The key to one service or to another one is not the keys to both."""
    both = left | right
    if left and right and (one := tokens(left)) and (other := tokens(right)) and not (one <= other or other <= one):
        return both - one - other
    return both


def _text(value: Value) -> str:
    return value.const[:MOST_SHAPE] if isinstance(value.const, str) else ""


def gather(values: list[Value] | tuple[Value, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Labels of all `values` and the steps of the first that has any; containers count with what they hold."""
    labels = NOTHING
    steps: tuple[str, ...] = ()
    for value in values:
        if value.items is None and value.table is None:
            own, way = value.labels, value.steps
        else:
            own, way = reach(value)
        if own:
            labels = labels | own if labels else own
        steps = steps or way
    return labels, steps


def reach(value: Value, depth: int = 3) -> tuple[frozenset[str], tuple[str, ...]]:
    """Labels of `value` and of what it holds."""
    if value.items is None and value.table is None:
        return value.labels, value.steps
    labels, steps = value.labels, value.steps
    inner = [*(value.items or ()), *(value.table or {}).values()] if depth else []
    for one in inner[:200]:
        plain = one.items is None and one.table is None
        own, way = (one.labels, one.steps) if plain else reach(one, depth - 1)
        if own:
            labels = labels | own
        steps = steps or way
    return labels, steps
