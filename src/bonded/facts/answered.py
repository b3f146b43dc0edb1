"""Whether anybody looks at what a call gives back: a client reads the answer, what only tells somebody something does not. Pure."""

from __future__ import annotations

import ast

from bonded.facts.scope import FunctionNode


def dropped(function: FunctionNode) -> tuple[frozenset[int], int]:
    """Calls (by `id`) in the function whose result nobody uses, and how many nodes were looked at.

    Nobody uses it where the call is a statement by itself, or where it is kept under a name that the function never reads.
    """
    alone: set[int] = set()
    kept: dict[int, str] = {}
    read: set[str] = set()
    seen = 0
    for node in ast.walk(function):
        seen += 1
        if isinstance(node, ast.Expr):
            alone.add(id(_awaited(node.value)))
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            kept[id(_awaited(node.value))] = node.targets[0].id
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            read.add(node.id)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            read.update(node.names)
    return frozenset(alone | {call for call, name in kept.items() if name not in read}), seen


def _awaited(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.Await) else node
