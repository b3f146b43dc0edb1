"""What statements bind to names: imports, assignments to variables, fields, items and patterns of them."""

from __future__ import annotations

import ast

from bonded.facts.clients import REQUESTS
from bonded.facts.expressions import PARAMETER
from bonded.facts.following import Following
from bonded.facts.known import BOTS, canonical
from bonded.facts.scope import Class, Function, Imported, Instance, hold_same, home_of, put
from bonded.facts.value import ANY, ENVIRONMENT, MESSAGE, NOTHING, SOURCES, Value, join, private, reach


class Binding(Following):
    """Statements that give names their values."""

    def _import_plain(self, node: ast.Import) -> None:
        for alias in node.names:
            self.out.imports.append(alias.name)
            name = alias.name if alias.asname else alias.name.split(".")[0]
            held = self.world.module(alias.name) and self.world.module(name)
            self.env.values[alias.asname or name] = held or Value(names=(name,))

    def _import_from(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level:
            parts = self.package.split(".") if self.package else []
            parts = parts[: len(parts) - node.level + 1] if node.level > 1 else parts
            module = ".".join([*parts, module] if module else parts)
        self.out.imports.append(module)
        for alias in node.names:
            if alias.name == "*":
                self.env.stars.append(module)
                self.world.module(module)
            else:
                self.out.imports.append(f"{module}.{alias.name}")
                name = f"{module}.{alias.name}".lstrip(".")
                labels = frozenset({ENVIRONMENT}) if canonical(name) == "os.environ" else NOTHING
                labels = frozenset({MESSAGE}) if name in REQUESTS else labels
                held = self.member(module, alias.name) or self.world.module(name)
                self.env.values[alias.asname or alias.name] = held or Value(names=(name,), labels=labels)
                if held is not None and (held.items is not None or held.table is not None):
                    self._same(module, alias)

    def _same(self, module: str, alias: ast.alias) -> None:
        """A container that is imported is the one that the other module fills, before and after."""
        other = self.world.module(module)
        if other is not None and isinstance(other.local, Imported) and alias.name in other.local.env.values:
            hold_same(other.local.env, alias.name, self.env, alias.asname or alias.name)

    def _assign(self, node: ast.Assign) -> None:
        value = self.evaluate(node.value)
        for target in node.targets:
            self.bind(target, value)

    def _annotated(self, node: ast.AnnAssign) -> None:
        self.annotation(node.annotation)
        if node.value is not None:
            self.bind(node.target, self.evaluate(node.value))

    def annotation(self, node: ast.expr | None) -> None:
        """Annotations are seldom more than names: those in which something is called are evaluated."""
        if node is not None and _calls(node):
            self.evaluate(node)

    def _augmented(self, node: ast.AugAssign) -> None:
        old = self.evaluate(node.target)
        self.bind(node.target, self.combine(node.op, old, self.evaluate(node.value)))

    def bind(self, target: ast.expr, value: Value) -> None:
        """Assign `value` to a name, a field, an item or a pattern of them."""
        if isinstance(target, ast.Name):
            self.env.values[target.id] = value
            if self.env.shared is not None and target.id in self.env.shared:
                self._share(self.env.shared[target.id].values, target.id, value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self._unpack(target.elts, value)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, value)
        elif isinstance(target, ast.Attribute):
            self._bind_attribute(target, value)
        elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            self._bind_item(target.value.id, self.evaluate(target.slice), value)
        elif isinstance(target, ast.Subscript):
            if isinstance(target.value, ast.Attribute) and value.local is not None:
                self.keep_row(target.value, self.evaluate(target.slice), value)
            if isinstance(target.value, ast.Call):
                self.set_global(self.evaluate(target.value), self.evaluate(target.slice), value)
            self._filled(target.value, value)

    def _filled(self, target: ast.expr, value: Value) -> None:
        """An item or attribute of something was set: what it belongs to holds what is private in it."""
        labels, steps = reach(value)
        held = private(labels)
        if held:
            self.mark(target, held, steps)

    def set_global(self, held: Value, index: Value, value: Value) -> None:
        """`globals()[index] = value`."""
        if held.names and held.names[0] in ("builtins.globals()", "builtins.vars()") and isinstance(index.const, str):
            self.globals.values[index.const] = value

    def _share(self, values: dict[str, Value], name: str, value: Value) -> None:
        """A function sets a variable from further out: whoever reads it later may find this, or what was there."""
        old = values.get(name)
        if old is None or old is ANY or not (old.const or not old.known):
            values[name] = value
        elif value.labels or value.names or value.local is not None:
            both = join(old, value)
            values[name] = both if both.known or not old.known else old.labelled(value.labels, *value.steps)

    def _bind_attribute(self, target: ast.Attribute, value: Value) -> None:
        if target.attr == "__code__":
            self.recoded(value, target)
        named = isinstance(target.value, ast.Name)
        held = self.evaluate(target.value) if named or isinstance(target.value, ast.Attribute) else ANY
        self.set_field(held.local if named else None, target.attr, value)
        if isinstance(value.local, Function) and held.names and held.names[0].startswith(BOTS):
            self.hears(value.local, held.names[0])  # `client.on_message = answer`
        if isinstance(value.local, (Function, Instance)) and held.names:
            self.replaced(held, value, ast.unparse(target))
        if named and held.names and held.local is None and not held.names[0].startswith(PARAMETER):
            self._filled(target.value, value)

    def set_field(self, held: object, name: str, value: Value) -> None:
        """`held.name = value`."""
        if isinstance(held, Imported):
            self._share(held.env.values, name, value)
            return
        if isinstance(held, Class) and isinstance(value.local, Function):
            held.methods[name] = value.local
        owner = held.of.name if isinstance(held, Instance) else held.name if isinstance(held, Class) else ""
        for key in (name, f"{owner}.{name}"):
            old = self.fields.get(key)
            self.fields[key] = join(old, value) if old is not None else value

    def _unpack(self, targets: list[ast.expr], value: Value) -> None:
        items: list[Value] | None = list(value.items) if value.items is not None else None
        if items is None and isinstance(value.const, (tuple, list, str, bytes)):
            items = [Value(one, labels=value.labels, steps=value.steps) for one in value.const[: len(targets)]]
        for position, target in enumerate(targets):
            exact = items is not None and position < len(items)
            labels, steps = reach(value)
            self.bind(target, items[position] if exact and items else Value(labels=labels, steps=steps))

    def _bind_item(self, name: str, index: Value, value: Value) -> None:
        env = home_of(self.env, name)
        if env is None:
            return
        old = env.values[name]
        if old.names and old.names[0] == "builtins.globals()" and isinstance(index.const, str):
            self.globals.values[index.const] = value
        elif old.items and isinstance(index.const, int) and -len(old.items) <= index.const < len(old.items):
            items = list(old.items)
            items[index.const] = value
            put(env, name, Value(items=tuple(items), labels=old.labels))
        elif old.table is not None and isinstance(index.const, (str, bytes, int)):
            put(env, name, Value(table={**old.table, index.const: value}, labels=old.labels))
        else:
            labels, steps = reach(value)
            env.values[name] = old.labelled(labels & SOURCES | private(labels), *steps)


def _calls(node: ast.expr) -> bool:
    """Whether something is called in an expression; most annotations end with the first look."""
    kind = type(node)
    if kind is ast.Name or kind is ast.Constant or kind is ast.Attribute:
        return False
    return any(isinstance(one, ast.Call) for one in ast.walk(node))
