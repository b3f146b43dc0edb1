"""Where the result of a call comes from: the labels that it carries, by the name of what is called and by what goes in."""

from __future__ import annotations

import ast
import sys

from bonded.facts import partly
from bonded.facts.clients import ANSWERING, ASKED, CARRIED, CLIENTS, RECEIVERS, SERVICES
from bonded.facts.expressions import PARAMETER
from bonded.facts.files import BY_NAME
from bonded.facts.known import (
    BRINGERS,
    CIPHER_METHODS,
    COMMAND_SINKS,
    DECODERS,
    DOWNLOADERS,
    ENCIPHERS,
    ENCODERS,
    ENCODING_NAMES,
    ENDING,
    ENVIRONMENTS,
    HOST_FACTS,
    PATH_USERS,
    SEARCHERS,
    SECRETS,
    SPELLERS,
    STRUCTURED,
    WATCHING,
)
from bonded.facts.known_secrets import KEY_MAKERS, KEYS_MADE, REPEATING, SPELLING, is_kept_secret
from bonded.facts.outputs import label_of_answer, label_of_file, label_of_output, label_of_question, label_of_search
from bonded.facts.running import Running, made_of
from bonded.facts.value import (
    CHARS,
    CREDENTIALS,
    DECODED,
    DOWNLOADED,
    ENCRYPTED,
    ENVIRONMENT,
    GIVEN_KEY,
    HIDDEN,
    HOST,
    NOTHING,
    PARSED,
    PRIVATE,
    WATCHED,
    Value,
    keys,
    reach,
)

_BROUGHT = (*CARRIED, *ANSWERING)
_VARIABLES = (
    *("os.getenv", "os.environ.get", "os.environ.pop", "os.environ.setdefault"),
    *(f"{one}().get" for one in sorted(ENVIRONMENTS)),
)


Gathered = tuple[frozenset[str], tuple[str, ...]]
"""Labels and steps of all that a call is given."""


class Labelling(Running):
    """Labels of what a named function gives."""

    def _labels(
        self, name: str, callee: Value, every: list[Value], taken: Gathered, node: ast.AST
    ) -> tuple[frozenset[str], tuple[str, ...]]:
        if name in ENDING:
            labels, steps = taken if name == "os.path.join" else (NOTHING, ())
            labels &= BY_NAME
            return labels, steps if labels else ()
        if name in _VARIABLES:
            labels, _ = partly.variable(every[0], NOTHING) if every else (NOTHING, "")
            return labels, (self.step(node, name),) if labels else ()
        labels, steps = taken
        own, way = reach(callee)
        labels, steps = (labels | own) - {HIDDEN}, steps or way
        if name in DOWNLOADERS:
            labels, steps = labels - PRIVATE, () if labels & PRIVATE else steps
        if name in ENCODERS:
            labels -= {CHARS}
        if labels and (name in DOWNLOADERS or not self._repeats(name)):
            labels -= keys(labels)
        extra = self._own_label(name, callee, every)
        if name in SEARCHERS:
            extra |= label_of_search(callee, every)
        if extra:
            labels |= extra
            steps = (*steps, self.step(node, name))[-12:]
        if name in STRUCTURED or name.endswith(".json"):
            labels |= {PARSED}
        return labels, steps

    def _repeats(self, name: str) -> bool:
        """Whether what comes out may say what went in. What a key is used for, a signature or what a service gives to whoever
        shows it, is not the key."""
        root, last = name.partition(".")[0], name.rpartition(".")[2]
        if name.startswith(PARAMETER):
            return last in SPELLING
        return (
            root == "builtins"
            or root in sys.stdlib_module_names
            or root in CLIENTS
            or last in REPEATING
            or self.world.own(name)
            or (bool(self.package) and name.startswith(f"{self.package}."))
        )

    def _own_label(self, name: str, callee: Value, every: list[Value]) -> frozenset[str]:
        if name in DECODERS or name.rpartition(".")[2] in CIPHER_METHODS:
            return frozenset({DECODED}) if _hides(name, every) else NOTHING
        if name in BRINGERS:
            return frozenset({DECODED})
        asked = name.startswith(_BROUGHT) or _is_asked(name)
        if name in RECEIVERS or asked or self.fetches(name, every):
            return frozenset({DOWNLOADED})
        if name in DOWNLOADERS:
            return frozenset({DOWNLOADED}) | label_of_answer(every, made_of(callee))
        if name in SPELLERS:
            return frozenset({CHARS})
        if name.rpartition(".")[2] in ENCIPHERS:
            return frozenset({ENCRYPTED})
        if name in KEY_MAKERS or ("ccount." in name and KEYS_MADE.match(name)):
            return frozenset({GIVEN_KEY})
        if name in ("builtins.bytes", "builtins.bytearray") and every and _numbers(every[0]):
            return frozenset({CHARS})
        if name == "builtins.input":
            return label_of_question(every)
        if name in HOST_FACTS:
            return frozenset({HOST})
        if name in WATCHING or name in SECRETS or is_kept_secret(name):
            return frozenset({WATCHED if name in WATCHING else CREDENTIALS})
        if name in COMMAND_SINKS:
            return label_of_output(every)
        if name in PATH_USERS:
            return label_of_file(name, every)
        return frozenset({ENVIRONMENT}) if name in ENVIRONMENTS else NOTHING


def _is_asked(name: str) -> bool:
    return name.rpartition(".")[2] in ASKED and name.startswith(SERVICES)


def _numbers(value: Value) -> bool:
    if value.items is not None:
        return any(isinstance(one.const, int) or not one.known for one in value.items[:4])
    return "xor" in value.labels or CHARS in value.labels


def _hides(name: str, every: list[Value]) -> bool:
    """Whether a decoder hides something: `codecs.decode(x, "utf-8")` does not."""
    if name != "codecs.decode" or len(every) < 2 or not isinstance(every[1].const, str):
        return True
    return every[1].const.lower().replace("-", "_") in ENCODING_NAMES
