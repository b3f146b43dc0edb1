"""Evaluation of calls: known functions are folded, the package's own are followed, what reaches a sink is noted."""

from __future__ import annotations

import ast
from abc import abstractmethod
from typing import Any

from bonded.facts import fold_calls, footholds, partly
from bonded.facts.clients import BY_PATH, DIALLED, LOGINS
from bonded.facts.files import ARCHIVES, JOIN, OPEN
from bonded.facts.holding import PASSED
from bonded.facts.known import (
    BOTS,
    CALLBACKS,
    CANON,
    CODE_SINKS,
    COMMAND_SINKS,
    DECODERS,
    DELETERS,
    ENDING,
    MAKERS,
    NETWORK,
    PATH_USERS,
    REQUIRING,
    SETUP,
    canonical,
)
from bonded.facts.loaded import ASKING, NEVER_ASKED
from bonded.facts.methods import Methods
from bonded.facts.operators import flat
from bonded.facts.outputs import is_asking, leads_to_secrets
from bonded.facts.partly import shaped
from bonded.facts.running import LONGEST_COMMAND, MADE
from bonded.facts.scope import Class, Function, Instance, Later, Super
from bonded.facts.state import LocalCall, argument, kept
from bonded.facts.value import (
    ANY,
    ASKED,
    DOWNLOADED,
    FOUND,
    GIVEN_SECRET,
    HIDDEN,
    HOST,
    NOTHING,
    PRIVATE,
    SOURCES,
    UNKNOWN,
    Value,
    gather,
    join,
)

BOT = "<bot>"
"""The scope from which a bot calls what was registered with it."""
_AT_ONCE = (
    ".submit",
    "atexit.register",
    ".run_in_executor",
    ".call_soon",
    ".call_soon_threadsafe",
    ".to_thread",
    ".start_soon",
    ".spawn",
)
"""They are given the arguments of the function after it."""
_BACK = (
    ".submit",
    ".run_in_executor",
    ".call_soon",
    ".call_later",
    ".call_soon_threadsafe",
    ".start_soon",
    ".imap",
    ".imap_unordered",
)
"""Methods of loops and pools which call what they are given."""
_TIMED = ("schedule.", "apscheduler.", "tkinter.")
_AFTER = frozenset({"do", "add_job", "after", "after_idle"})
"""Methods of those that call what they are given at set times."""
_RUNNERS = frozenset({"trio.run", "anyio.run", "gevent.spawn", "curio.run"})
_LINES = ("websocket.", "paho.mqtt.", "socketio.", "pika.", "irc.bot.", "slixmpp.", "telebot.", "telegram.")
"""Of these, whatever function is given answers what comes in; frameworks for the web are given functions for much else."""
_WRAPPERS = frozenset({"wrapt.wrap_function_wrapper", "wrapt.patch_function_wrapper()"})
"""They put a function in the place of one of another package."""
_LINKS = (".create_connection", ".create_datagram_endpoint", ".create_server")
"""Methods of a loop that are given what answers on a line."""
_BOT_STARTS = frozenset(
    {"run", "start", "polling", "infinity_polling", "start_polling", "run_polling", "connect", "run_until_disconnected"}
    | {
        "serve_forever",
        "handle_request",
        "run_app",
        "listen",
        "serve",
        "serveSimple",
        "loop_forever",
        "loop_start",
        "run_forever",
        "call_on_each_message",
        "call_on_each_event",
    }
    | {
        "start_consuming",
        "quickstart",
        "start_server",
        "callback",
        "create_connection",
        "create_datagram_endpoint",
        "create_server",
    }
)


_SPELLED = frozenset(
    f"builtins.{one}"
    for one in ("chr", "exec", "eval", "compile", "__import__", "getattr", "globals", "bytes", "ord", "open")
)
_SPELLED_USE = "builtins.getattr"
"""Under this name a builtin is noted that was looked up by a computed name, and called."""


_LAST = frozenset(
    name.rpartition(".")[2]
    for name in CODE_SINKS | COMMAND_SINKS | {one for one in CANON if canonical(one) in CODE_SINKS}
)
"""The last parts of the names of what runs something."""
_FINDERS = ("sys.meta_path.insert", "sys.meta_path.append")
_ASKED = ("find_spec", "find_module", "load_module", "create_module", "exec_module")
"""Methods of what looks for modules and loads them."""
_PATHS = ("sys.path.insert", "sys.path.append")
_GROWING = ("builtins.bytearray().", "builtins.list().", "builtins.int().")
"""What is made by these has the methods of a container, or of a number."""


def _words(value: Value) -> bool:
    """Whether a value is a text, or a list of texts, of more than one word."""
    if isinstance(value.const, str):
        return " " in value.const.strip()
    return value.items is not None and len(value.items) > 1 and isinstance(value.items[0].const, str)


class Calling(Methods):
    """`call(node)`."""

    def call(self, node: ast.Call) -> Value:
        """Evaluate a call as written in the source."""
        callee = self.evaluate(node.func)
        arguments = self._positional(node.args)
        keywords = self._keywords(node.keywords)
        if callee.names == ("builtins.super",):
            return self._super()
        return self.apply(callee, arguments, keywords, node)

    def _positional(self, nodes: list[ast.expr]) -> list[Value]:
        """Positional arguments; `*x` stands for what is in `x`, where that is known."""
        found: list[Value] = []
        for one in nodes:
            value = self.evaluate(one)
            if value.items is not None and isinstance(one, ast.Starred):
                found += value.items
            else:
                found.append(value)
        return found

    def _keywords(self, nodes: list[ast.keyword]) -> dict[str, Value]:
        """Arguments by name; `**x` stands for what is in `x`, where that is known."""
        found: dict[str, Value] = {}
        for one in nodes:
            value = self.evaluate(one.value)
            if one.arg is None and value.table is not None:
                found.update({key: item for key, item in value.table.items() if isinstance(key, str)})
            else:
                found[one.arg or "**"] = value
        return found

    def _super(self) -> Value:
        """What `super()` gives in the method that is executed."""
        function = self.stack[-1] if self.stack else None
        first = [*function.node.args.posonlyargs, *function.node.args.args][:1] if function is not None else []
        me = self.env.find(first[0].arg if first else "self") or ANY
        if function is None or function.owner is None or not isinstance(me.local, (Instance, Class)):
            return me
        return Value(local=Super(me, function.owner))

    def apply(self, callee: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        """`callee(*arguments, **keywords)`."""
        if isinstance(callee.local, Function):
            home = callee.local.home
            if home is not self and home is not None:
                self._passed(f"{home.name}.{callee.local.qualname}", arguments, node)
            return self.follow(callee.local, arguments, keywords, callee.bound)
        if isinstance(callee.local, Class):
            return self._instantiate(callee.local, arguments, keywords)
        if isinstance(callee.local, Instance):
            method = callee.local.of.method("__call__")
            return self.follow(method, arguments, keywords, (callee, "")) if method else ANY
        if callee.names and callee.bound and callee.names[0].startswith(_GROWING):
            return self._unknown_call(callee, arguments, keywords, node)
        results = [self._named_call(name, callee, arguments, keywords, node) for name in callee.names]
        if results:
            merged = results[0]
            for one in results[1:]:
                merged = join(merged, one)
            return merged
        return self._unknown_call(callee, arguments, keywords, node)

    def _instantiate(self, kind: Class, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        value = Value(local=Instance(kind))
        if kind.fields and kind.method("__init__") is None:
            for key, one in {**dict(zip(kind.fields, arguments, strict=False)), **keywords}.items():
                self.set_field(value.local, key, one)
        for name in ("__init__", "__new__", "__post_init__"):
            method = kind.method(name)
            if method is not None:
                self.follow(method, arguments, keywords, (value, name))
        for name in ("__enter__", "__del__", "__call__", "__iter__"):
            method = kind.method(name)
            if method is not None and name != "__call__":
                self.leads(self.scope, method)
        labels, steps = gather((*arguments, *keywords.values()))
        return value.labelled(labels & SOURCES, *steps)

    def _named_call(
        self, raw: str, callee: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        name = canonical(raw)
        base = callee.bound[0] if callee.bound else None
        special = self.special(name, raw, callee, arguments, keywords, node)
        if special is not None:
            return special
        if name in DECODERS or name in NETWORK:
            arguments = [self.told(one) for one in arguments]
        every = [*arguments, *keywords.values()]
        given = self.passed_on(name, arguments, keywords, node) if name in PASSED else None
        if HIDDEN in callee.labels and name in _SPELLED:
            self.record(_SPELLED_USE, node, [argument(Value(name))], hidden=True)
        if name.endswith(".wrap_socket") and arguments:
            return arguments[0]
        searched = name in DELETERS and (
            FOUND in gather(every)[0] or any(footholds.is_persons(shaped(one)) for one in every[:1])
        )
        if (
            kept(name)
            or searched
            or name.startswith("types.FunctionType()")
            or (name in PATH_USERS and leads_to_secrets(every))
        ):
            self.record_call(name, callee, arguments, keywords, node)
        taken = gather(every)
        if GIVEN_SECRET in taken[0] and name in LOGINS and not kept(name):
            self.record_call(name, callee, arguments, keywords, node)
        if not taken[0].isdisjoint(PRIVATE) or name.endswith(BY_PATH) or not callee.labels.isdisjoint(PRIVATE):
            self.carry(name, callee, arguments, keywords, node)
            self.hold(callee, arguments, keywords, node)
        if every and name in _PATHS and DOWNLOADED in self.with_written(every[-1]).labels:
            self.record_call(
                "site.addsitedir", callee, arguments[-1:], {}, node
            )  # modules are imported from there as well
        if every and name in _FINDERS:
            self._finds_modules(every[-1])
        if name in SETUP and any(key in keywords for key in REQUIRING):
            required = {key: one for key, one in keywords.items() if key in REQUIRING}
            self.record_call("setuptools.setup", callee, [], required, node)
        if name in SETUP:
            self._for_people(keywords["cmdclass"].table or {} if "cmdclass" in keywords else {}, node)
        if name.startswith("hashlib.") and DOWNLOADED in taken[0]:
            self.record_call(name, callee, arguments, keywords, node)
        if name == "pycurl.Curl().setopt" and len(arguments) > 1 and isinstance(node, ast.Call):
            self._taken_by_curl(arguments[0], node)
        self.files_of(name, callee, arguments, keywords, node)
        came = self._callbacks(name, callee, every, node)
        if name not in ENDING:
            self.handed(arguments, keywords, node)
        if given is not None:
            return given
        const = self._fold(name, base, arguments, keywords)
        labels, steps = self._labels(name, callee, every, taken, node)
        labels = (labels - {HOST} if name in DIALLED else labels) | came
        if is_asking(name, arguments, keywords):
            labels, steps = labels | {ASKED}, (*steps, self.step(node, name))
        source = footholds.source_in(const) if name in DECODERS else None
        if source is not None:
            self.decoded(node, source)
        local: Any = None
        if (name.startswith(self.package + ".") and self.package) or self.world.own(name):
            local = self._elsewhere(name, arguments, node)
        local = local or next((one.local for one in every if isinstance(one.local, Later)), None)
        parts = (Value(items=tuple(arguments)), JOIN) if name == "os.path.join" and const is UNKNOWN else None
        if name in COMMAND_SINKS and name in MAKERS:
            started = [*arguments, *([keywords["args"]] if "args" in keywords else [])][:1]
            parts = (Value(items=tuple(started)), MADE)
        elif name in ARCHIVES and arguments:
            parts = (arguments[0], OPEN)
        elif parts is None:
            parts = self.made(name, callee, every)
        shape = partly.of_call(name, arguments, keywords) if const is UNKNOWN else ""
        if const is UNKNOWN and not shape and base is not None and name.startswith(("pathlib.", "string.Template().")):
            shape = partly.of_method(base, name.rpartition(".")[2], arguments, keywords)
        return Value(const, (f"{name}()",), labels, local=local, bound=parts, steps=steps, shape=shape)

    def _for_people(self, commands: dict[Any, Value], node: ast.AST) -> None:
        """Commands that only those who work on the project ask for do not run where it is installed: where the one call that says
        what is built names them, and nothing runs a command by its name."""
        self.setups.add(self.where(node))
        aliases = b"aliases" in (self.world.data("setup.cfg") or b"")  # by which one command stands for others
        if aliases or len(self.setups) > 1 or any(word in line for line in self.out.lines for word in ASKING):
            self.out.commands |= self.spared
            return
        kinds = {key: one.local for key, one in commands.items() if isinstance(one.local, Class)}
        asked = {id(kind) for key, one in kinds.items() if key not in NEVER_ASKED for kind in one.line()}
        for kind in kinds.values():
            if id(kind) not in asked:
                self.spared |= self.out.commands & {method.qualname for method in kind.methods.values()}
        self.out.commands -= self.spared

    def _taken_by_curl(self, option: Value, node: ast.Call) -> None:
        """Where a transfer writes to holds what was fetched."""
        if any(name.endswith(".WRITEDATA") for name in option.names) and len(node.args) > 1:
            self.mark(node.args[1], frozenset({DOWNLOADED}), (self.step(node, "pycurl.Curl().setopt"),))

    def _finds_modules(self, finder: Value) -> None:
        """What looks for modules is asked at the next import."""
        if isinstance(finder.local, (Class, Instance)):
            kind = finder.local.of if isinstance(finder.local, Instance) else finder.local
            for method in filter(None, map(kind.method, _ASKED)):
                self.leads(self.scope, method)
        for name in finder.names:
            if self.world.own(name):
                for one in _ASKED:
                    self.out.outside_edge(self.scope, f"{name}.{one}")

    def _elsewhere(self, name: str, arguments: list[Value], node: ast.AST) -> Later:
        """A function of another module of the package that is not followed now."""
        self.out.outside_edge(self.scope, name)
        self._passed(name, arguments, node)
        return Later(name, tuple(arguments))

    def _passed(self, name: str, arguments: list[Value], node: ast.AST) -> None:
        """Note a call of a function of another module when hidden, fetched or private data goes in, or a text of several words,
        which may be a command."""
        labels, _ = gather(arguments)
        if labels & (SOURCES | PRIVATE) or (arguments and _words(arguments[0]) and self.out.may_say()):
            first, last = self.where(node)
            kept_arguments = tuple(argument(one, most=LONGEST_COMMAND) for one in arguments)
            self.out.local_calls.append(
                LocalCall(name, first, last, self.scope, kept_arguments, self.excerpt(first, last))
            )

    def _callbacks(self, name: str, callee: Value, every: list[Value], node: ast.AST) -> frozenset[str]:
        """Functions that are called back are called; labels of what a pool hands on of what they gave."""
        if name.startswith(BOTS) or name.endswith(_LINKS):
            self._bot(name, every)
        if name.endswith(".add_done_callback") and every and callee.bound:
            self.apply(every[0], [callee.bound[0]], {}, node)
        if name in _WRAPPERS:
            for one in every:
                if isinstance(one.local, Function):
                    one.local.stands_for = name
        timed = name.startswith(_TIMED) and name.rpartition(".")[2] in _AFTER
        if name not in CALLBACKS and not name.endswith(_BACK) and name not in _RUNNERS and not timed:
            return NOTHING
        came: list[Value] = []
        for position, one in enumerate(every):
            if isinstance(one.local, Function) or (one.names and canonical(one.names[0]) in NETWORK):
                inner = [item for other in every if other is not one for item in (other.items or ())]
                came.append(self.apply(one, *self._given(name, position, every, inner), node))
            elif one.names and self.world.own(one.names[0]):
                self.out.outside_edge(self.scope, one.names[0])
            elif one.names and one.names[0].startswith(BOTS):
                self._bot(one.names[0], [])
        return gather(came)[0] & SOURCES if name.endswith(_BACK) else NOTHING

    def _given(
        self, name: str, position: int, every: list[Value], inner: list[Value]
    ) -> tuple[list[Value], dict[str, Value]]:
        """The arguments and keywords with which a function is called back that stands at `position` among `every`."""
        named = {key: one for table in every if table.table for key, one in table.table.items() if isinstance(key, str)}
        if name.endswith(_AT_ONCE):
            return [one for one in every[position + 1 :] if one.table is None or not named], {} if inner else named
        if name.endswith((".map", ".imap", ".imap_unordered", ".starmap")):
            labels, steps = gather(every[position + 1 :])
            return inner or [Value(labels=labels, steps=steps)], {}
        return inner, named

    def handed(self, arguments: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
        """Whoever is given `exec` or `os.system`, and something to run beside it, runs it, however it is called."""
        every = [*arguments, *keywords.values()]
        for position, one in enumerate(every):
            if not one.names or one.known or one.names[0].rpartition(".")[2] not in _LAST:
                continue
            sink = canonical(one.names[0])
            if sink not in CODE_SINKS and sink not in COMMAND_SINKS:
                continue
            others = every[position + 1 :] or every[:position]
            given = [item for other in others for item in (other.items or (other,))]
            given = [item for other in given for item in (other.items or (other,))]
            if sink in CODE_SINKS or any(one.known or not SOURCES.isdisjoint(one.labels) for one in given):
                self.apply(one, given, {}, node)

    def hears(self, function: Function, name: str = "") -> None:
        """A bot calls the function, once it runs. `name` is that of the call that is given it."""
        if not function.heard:
            function.heard = True
            if name.startswith(_LINES):
                (function.home or self).again(function)
        self.leads(BOT, function)

    @abstractmethod
    def again(self, function: Function) -> None:
        """What was executed before it was known that a bot calls it is executed anew; `facts.statements` has it."""

    def _bot(self, name: str, every: list[Value]) -> None:
        for one in every:
            if isinstance(one.local, Function):
                self.hears(one.local, name)
                if name == "websocket.WebSocketApp":
                    made = Value(items=tuple(every[:1]))
                    one.local.first = Value(names=("websocket.create_connection()",), bound=(made, MADE))
            elif isinstance(one.local, (Class, Instance)):
                kind = one.local.of if isinstance(one.local, Instance) else one.local
                for method in kind.methods.values():
                    self.hears(method)
        if name.rpartition(".")[2] in _BOT_STARTS:
            self.out.edge(self.scope, BOT)

    def _fold(self, name: str, base: Value | None, arguments: list[Value], keywords: dict[str, Value]) -> Any:
        known = base is not None and base.const is not UNKNOWN
        if not known and name not in fold_calls.FUNCTIONS and not name.endswith(("__str__", "__repr__")):
            return UNKNOWN
        consts = [flat(one) for one in arguments]
        named = {key: flat(one) for key, one in keywords.items()}
        if UNKNOWN in named.values() or any(one is UNKNOWN for one in consts):
            return UNKNOWN
        if name in fold_calls.FUNCTIONS or name.endswith(("__str__", "__repr__")):
            return fold_calls.function(name, consts, named, self.spend)
        if base is not None and base.known:
            return self._fold_method(base, name.rpartition(".")[2], arguments, keywords)
        return UNKNOWN
