"""What a pickle in a constant would call, read from its opcodes; no pickle is ever loaded."""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from io import BytesIO

_MOST_OPCODES = 2_000
_MOST_TEXT = 20_000


def calls(data: bytes) -> Iterator[tuple[str, str]]:
    """Dotted names that the pickle looks up, each with the text that is nearest after it."""
    texts: list[str] = []
    waiting = ""
    for opcode, argument in _opcodes(data):
        if opcode in ("GLOBAL", "INST", "STACK_GLOBAL"):
            if waiting:
                yield waiting, ""
            parts = texts[-2:] if opcode == "STACK_GLOBAL" else str(argument).split(" ", 1)
            waiting = ".".join(parts)
        elif isinstance(argument, (str, bytes)):
            text = argument if isinstance(argument, str) else argument.decode("utf-8", "replace")
            texts.append(text[:_MOST_TEXT])
            if waiting:
                yield waiting, texts[-1]
                waiting = ""
    if waiting:
        yield waiting, texts[-1] if texts else ""


def _opcodes(data: bytes) -> Iterator[tuple[str, object]]:
    # Hostile bytes may end anywhere, with any of what `pickletools` raises; what came before is what there is.
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(BytesIO(data))):
            if number >= _MOST_OPCODES:
                return
            yield opcode.name, argument
    except Exception:
        return
