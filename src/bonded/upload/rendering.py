"""Rendering one description, in the sandbox: bytes in, bytes out. Its libraries are imported nowhere else."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import BinaryIO

import orjson

MARKDOWN, RST, TEXT = "text/markdown", "text/x-rst", "text/plain"


_RST = """
Title
=====

A *word*, ``code``, `a link <https://example.org/>`_, a footnote [1]_ and :code:`role`.

- one

1. two

term
    what it is

:field: body

.. note:: A note

.. image:: https://example.org/badge.svg
   :target: https://example.org/

.. contents::

.. code-block:: python

    import this

.. code:: console

    $ pip install this

== ==
a  b
== ==
1  2
== ==

+---+---+
| a | b |
+---+---+

.. list-table::

   * - a
     - b

.. [1] note
"""
_MARKDOWN = "# Title\n\n[a](https://example.org/) `b`\n\n```python\nimport this\n```\n\n```bash\nls\n```\n\n| a |\n|---|\n| b |\n"
"""What most descriptions are made of."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a description is read. `stated`: its author said so, and wants to hear when it does not work."""

    media: str
    variant: str
    stated: bool


def kind_of(content_type: str) -> Kind:
    """How to read a description of this Content-Type (core metadata specification, Description-Content-Type).

    Without one it is tried as reStructuredText; what is unknown is text.
    """
    media, _, rest = content_type.partition(";")
    media = media.strip().lower()
    named = dict(part.strip().lower().partition("=")[::2] for part in rest.split(";") if "=" in part)
    variant = named.get("variant", "").strip('" ')
    if not media:
        return Kind(RST, "", stated=False)
    if media == MARKDOWN:
        return Kind(MARKDOWN, "CommonMark" if variant == "commonmark" else "GFM", stated=True)
    return Kind(media if media == RST else TEXT, "", stated=True)


def warm() -> None:
    """Load what rendering loads, in the fork server: docutils alone takes a tenth of a second, more than most descriptions."""
    for media, text in ((RST, _RST), (MARKDOWN, _MARKDOWN)):
        render_call(orjson.dumps({"text": text, "media": media, "variant": "GFM"}), None)


def render_call(argument: bytes, _attachment: BinaryIO | None) -> bytes:
    """`argument` is {"text", "media", "variant"}; gives {"html": ..., "reason": ...} as JSON: html, or why there is none."""
    from bonded.upload.markup import fit

    asked = orjson.loads(argument)
    html, reason = _markdown(asked) if asked["media"] == MARKDOWN else _rst(asked["text"])
    return orjson.dumps({"html": fit(html) if html else "", "reason": reason})


def _markdown(asked: dict[str, str]) -> tuple[str, str]:
    from readme_renderer import markdown

    html = markdown.render(asked["text"], variant=asked["variant"])
    return (html, "") if html else ("", "nothing came out of it")


def _rst(text: str) -> tuple[str, str]:
    import mimetypes

    from readme_renderer import rst

    mimetypes.knownfiles.clear()  # docutils asks for an image's type: this machine's lists are out of reach in the sandbox
    said = io.StringIO()
    html = rst.render(text, stream=said)
    if html:
        return html, ""
    lines = [line.strip() for line in said.getvalue().splitlines() if line.strip()]
    return "", lines[0].replace("<string>:", "line ", 1)[:300] if lines else "nothing came out of it"
