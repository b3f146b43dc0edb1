"""What objects hold: private data that a variable, a field or a client was given, and clients that take it elsewhere."""

from __future__ import annotations

import ast
import sys

from bonded.facts.clients import BY_PATH, CARRIED, CARRIERS, GIVES, HANDLERS, LOGGED, SENT, SERVICES, TOLD
from bonded.facts.known import COMMAND_SINKS, MAKERS, NETWORK, canonical
from bonded.facts.labelling import Labelling
from bonded.facts.outputs import leads_to_secrets
from bonded.facts.running import MADE, made_of
from bonded.facts.scope import Class, Instance, home_of, put
from bonded.facts.value import CREDENTIALS, DOWNLOADED, HOST, MESSAGE, PRIVATE, Value, gather, private

_FILLS = frozenset(
    {
        "add", "add_attachment", "add_embed", "add_field", "add_header", "add_unredirected_header", "append", "appendleft", "attach",
        "extend", "fill", "insert", "put", "put_nowait", "send_header", "set", "set_content", "set_payload", "setdefault", "setopt",
        "update", "write", "writelines", "writestr",
    }
)  # fmt: skip
"""Methods after which an object holds what it was given."""
_TALKS = (
    "requests.",
    "httpx.",
    "aiohttp.",
    "urllib.request.",
    "http.client.",
    "pycurl.",
    "urllib3.",
    "email.",
    "discord",
    "dns.message.",
)
"""Objects of these remember whatever they are given."""
_STANDARD = sys.stdlib_module_names
_MOST_HELD = 4
_LOG = "<log>"
_SECRET = frozenset({CREDENTIALS})
_OF_EVENTS = frozenset({HOST})
"""What services that count events or errors are told of each."""
_PROCESS = ("os",)
"""What is put into the environment is in there already: not all that the module gives holds it."""
_PASSES = frozenset(
    {"contextlib.closing", "contextlib.aclosing", "contextlib.nullcontext", "asyncio.wait_for", "asyncio.shield"}
)
"""They give what they are given."""
_DUMPS = frozenset({"json.dump", "pickle.dump", "plistlib.dump", "yaml.dump", "yaml.safe_dump", "marshal.dump"})
"""They write their first argument to the second one."""


PASSED = (
    _PASSES
    | _DUMPS
    | {
        "socket.socket().accept",
        "asyncio.open_connection",
        "builtins.print",
        "socket.socket().recv_into",
        "socket.socket().recvfrom_into",
    }
    | {"xmlrpc.server.SimpleXMLRPCServer().register_function"}
)
"""Functions that make nothing new, or whose arguments hold what they bring."""


class Holding(Labelling):
    """`hold(...)`, `mark(...)` and `carry(...)`."""

    makes = False
    """Something was made that remembers what it was made of."""

    def hold(self, callee: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
        """`x.append(private)`: from here on `x` holds it."""
        if callee.bound is None or not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return
        if node.func.attr not in _FILLS and not any(name.startswith(_TALKS) for name in callee.bound[0].names):
            return
        labels, steps = gather((*arguments, *keywords.values()))
        labels = private(labels)
        if labels and not labels <= callee.bound[0].labels:
            self.mark(node.func.value, labels, steps)

    def keep_in(self, node: ast.expr, value: Value) -> None:
        """The variable or field that `node` names holds `value` from here on, in place of what it was: a container that grew."""
        if isinstance(node, ast.Name):
            env = home_of(self.env, node.id)
            if env is not None:
                put(env, node.id, value)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            held = self.evaluate(node.value)
            if isinstance(held.local, (Instance, Class)):
                kind = held.local.of if isinstance(held.local, Instance) else held.local
                self.fields[f"{self.keeper(kind, node.attr)}.{node.attr}"] = value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "setdefault":
            self.keep_row(node.func.value, self.evaluate(node.args[0] if node.args else None), value)

    def keep_row(self, node: ast.expr, key: Value, value: Value) -> bool:
        """The table that `node` names holds `value` under `key` from here on; whether it is one that is known row by row."""
        table = self.evaluate(node).table
        if table is None or not isinstance(key.const, (str, bytes, int)):
            return False
        self.keep_in(node, Value(table={**table, key.const: value}, labels=self.evaluate(node).labels))
        return True

    def keeper(self, kind: Class, name: str) -> str:
        """The name of the class under which a field of its objects is kept: its own, or that of one that it is derived from."""
        return next((one.name for one in kind.line() if f"{one.name}.{name}" in self.fields), kind.name)

    def mark(self, node: ast.expr, labels: frozenset[str], steps: tuple[str, ...]) -> None:
        """The variable or field at the root of `node` holds something of these labels."""
        for _ in range(_MOST_HELD):
            if isinstance(node, ast.Name):
                env = home_of(self.env, node.id)
                if env is not None and env.values[node.id].names != _PROCESS:
                    env.values[node.id] = env.values[node.id].labelled(labels, *steps)
                return
            if isinstance(node, ast.Attribute):
                held = self.evaluate(node.value)
                if isinstance(held.local, (Instance, Class)):
                    old = self.attribute(held, node.attr)
                    self.set_field(held.local, node.attr, old.labelled(labels, *steps))
                    return
                node = node.value
            elif isinstance(node, ast.Subscript):
                node = node.value
            elif isinstance(node, ast.Call):
                node = node.func
            else:
                return

    def carry(
        self, name: str, callee: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> None:
        """Note a call that takes something private elsewhere, where the table of what reaches out does not have it."""
        if name in NETWORK:
            return
        last = name.rpartition(".")[2]
        if name.endswith(BY_PATH) and leads_to_secrets(arguments):
            arguments = [one.labelled(_SECRET) for one in arguments]
        labels, _ = gather((*arguments, *keywords.values()))
        if name in CARRIERS or name.startswith(CARRIED):
            if (labels | callee.labels) & PRIVATE:
                self.record_call(name if name in CARRIERS else SENT, callee, arguments, keywords, node)
            return
        if labels.isdisjoint(PRIVATE):
            return
        if name == "os.write" and any(one.startswith("socket.") for first in arguments[:1] for one in first.names):
            self.record_call("socket.socket().send", callee, arguments[1:], keywords, node)
        if name.startswith("logging.") and last in LOGGED and _LOG in self.fields:
            logged = Value(names=callee.names, bound=(Value(bound=(self.fields[_LOG], MADE)), last))
            self.record_call("logging.Handler().emit", logged, arguments, keywords, node)
        elif (name.startswith(SERVICES) and last in TOLD and not labels & PRIVATE <= _OF_EVENTS) or (
            last in GIVES
            and name.partition(".")[0] not in _STANDARD
            and (made_of(callee) is not None or any(map(_is_address, (*arguments, *keywords.values()))))
        ):
            self.record_call(SENT, callee, arguments, keywords, node)

    def passed_on(self, name: str, arguments: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        """What a function gives that makes nothing new; what is written by one that is not a method of the file."""
        if name in _PASSES:
            return arguments[0] if arguments else None
        if name.endswith("recv_into") and isinstance(node, ast.Call) and node.args:
            self.mark(node.args[0], frozenset({DOWNLOADED}), (self.step(node, name),))
        if (
            name.endswith("register_function")
            and arguments
            and canonical(arguments[0].names[0] if arguments[0].names else "") in COMMAND_SINKS
        ):
            self.apply(arguments[0], [Value(labels=frozenset({MESSAGE}), steps=(self.step(node, name),))], {}, node)
        if name == "socket.socket().accept":
            return Value(items=(Value(names=("socket.socket()",)), Value()))
        if name == "asyncio.open_connection":
            made = (Value(items=(*arguments, *keywords.values())), MADE)
            return Value(
                items=tuple(Value(names=(f"asyncio.Stream{end}()",), bound=made) for end in ("Reader", "Writer"))
            )
        if isinstance(node, ast.Call):
            self._written_to(name, arguments, keywords, node)
        return None

    def _written_to(self, name: str, arguments: list[Value], keywords: dict[str, Value], node: ast.Call) -> None:
        """`json.dump(x, file)` and `print(x, file=file)` write to the file as its own method does."""
        if name == "builtins.print":
            written, target = arguments, keywords.get("file")
            at = next((one.value for one in node.keywords if one.arg == "file"), None)
        elif name in _DUMPS:
            written, target = arguments[:1], next(iter(arguments[1:2]), None)
            at = next(iter(node.args[1:2]), None)  # what is unpacked from a list is not there
        else:
            return
        if target is None or not written:
            return
        self.apply(self.attribute(target, "write"), [join_all(written)], {}, node)
        labels, steps = gather(written)
        if at is not None and not labels.isdisjoint(PRIVATE):
            self.mark(at, labels & PRIVATE, steps)

    def made(self, name: str, callee: Value, every: list[Value]) -> tuple[Value, str] | None:
        """What the result of a call remembers of what it was made of, if there is an address in it; it, or what it was got from."""
        known = name in MAKERS
        if known or (every and any(map(_is_address, every))):
            if name in HANDLERS:
                self.fields[_LOG] = Value(items=tuple(every))
            if known or name.partition(".")[0] not in _STANDARD:
                self.makes = True
                return Value(items=tuple(map(_address_in, every))), MADE
        if not self.makes:
            return None
        held = made_of(callee)
        return (held, MADE) if held is not None else None


def join_all(values: list[Value]) -> Value:
    """One value for all that is written at once."""
    labels, steps = gather(values)
    return values[0].labelled(labels, *steps)


def _address_in(value: Value) -> Value:
    """What an object was made of that a client is made of: that says where the client will reach."""
    return value.bound[0] if value.bound is not None and value.bound[1] == MADE else value


def _is_address(value: Value) -> bool:
    """Whether a value says where something is reached."""
    text = value.const
    if type(text) is not str:
        text = value.shape
        if not text:
            return value.bound is not None and value.bound[1] == MADE
    return "://" in text[:24]
