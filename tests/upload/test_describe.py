"""Descriptions: three kinds of them, rendered in a real sandbox; what hostile ones come to; what is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from bonded.adapters.sandbox_pick import pick
from bonded.catalog.description_tables import description
from bonded.catalog.descriptions import QUEUE, Description, Outcome, Source, ask, expect_description, read_description
from bonded.catalog.tables import project, release
from bonded.db.engine import Database
from bonded.db.jobs import job
from bonded.db.worker import work_once
from bonded.seams import Sandbox
from bonded.upload import describe
from bonded.upload.describe import DescribeContext, rendered
from bonded.upload.markup import fit
from bonded.upload.rendering import kind_of, render_call
from bonded.values.prose import faults

MARKDOWN = """# Sample

Reads [the manual](docs/manual.md), [the site](https://docs.example.invalid/?a=1&b=2) and [below](#use).

### Use

[![build](https://badge.example.invalid/b.svg)](https://ci.example.invalid/) ![A picture](https://img.example.invalid/x.png)

- [x] done

> [!WARNING]
> Careful.

| a |  |
|---|---|
| 1 | 2 |

```python
def f(): return "\u202e"
```
"""
RST = """Sample
======

Use
---

.. note:: Careful.

.. image:: https://img.example.invalid/x.png
   :alt: A picture

See `the manual <docs/manual.rst>`_ and `the site <https://docs.example.invalid/>`_.

.. code-block:: python

   def f(): return 1
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = pick("auto")
    yield made
    made.close()


@pytest.fixture
def context(sqlite_db: Database, sandbox: Sandbox) -> DescribeContext:
    return DescribeContext(sqlite_db, sandbox, cpu_seconds=1.0)


def html_of(context: DescribeContext, text: str, content_type: str) -> str:
    made = rendered(context, Source(text, content_type))
    assert made.outcome is Outcome.RENDERED, made.reason
    assert faults(made.html) == ""
    return made.html


def test_markdown_becomes_markup_of_the_page(context: DescribeContext) -> None:
    html = html_of(context, MARKDOWN, "text/markdown; charset=UTF-8; variant=GFM")
    rel = 'rel="nofollow ugc noopener"'
    assert '<h3 id="user-content-sample">Sample</h3>' in html
    assert '<h4 id="user-content-use">Use</h4>' in html, "no level is left out"
    assert f'<a href="https://docs.example.invalid/?a=1&amp;b=2" {rel}>the site</a>' in html
    assert "docs/manual.md" not in html
    assert '<a href="#user-content-use">below</a>' in html
    assert "<img" not in html
    assert f'<a class="d-picture" href="https://img.example.invalid/x.png" {rel}>A picture</a>' in html
    assert f'<a href="https://ci.example.invalid/" {rel}><span class="d-picture">build</span></a>' in html
    assert "badge.example.invalid" not in html
    assert '<span class="d-check">☑</span>' in html
    assert '<div class="d-warning">' in html
    assert "<th>a</th>" in html
    assert "<th></th>" not in html, "a header without words is no header"
    assert '<pre dir="ltr" tabindex="0">' in html
    assert '<span class="d-mark">U+202E</span>' in html
    assert "\u202e" not in html


def test_restructuredtext_becomes_the_same(context: DescribeContext) -> None:
    html = html_of(context, RST, "text/x-rst")
    assert "<h3>Sample</h3>" in html
    assert "<h4>Use</h4>" in html
    assert '<div class="d-note">' in html
    assert '<a class="d-picture" href="https://img.example.invalid/x.png"' in html
    assert "docs/manual.rst" not in html
    assert '<span class="d-k">def</span>' in html


@pytest.mark.parametrize(
    ("text", "content_type", "outcome", "reason"),
    [
        ("plain *text", "text/plain", Outcome.TEXT, ""),
        ("<b>bold</b>", "text/html", Outcome.TEXT, ""),
        ("plain *text", "", Outcome.TEXT, ""),
        ("T\n=\n\nfine", "", Outcome.RENDERED, ""),
        ("   \n", "text/markdown", Outcome.TEXT, ""),
        ("T\n=\n\nbad *text", "text/x-rst", Outcome.FAILED, r"line 4: \(WARNING/2\) Inline emphasis"),
        (".. include:: /etc/passwd", "text/x-rst", Outcome.FAILED, "disabled"),
        (".. raw:: html\n\n   <script>x</script>", "text/x-rst", Outcome.FAILED, "disabled"),
        (".. csv-table::\n   :file: /etc/passwd", "text/x-rst", Outcome.FAILED, "deactivated"),
        ("x" * (describe.LONGEST + 1), "text/markdown", Outcome.FAILED, "more than"),
    ],
    ids=["text", "html", "unnamed-text", "unnamed-rst", "empty", "bad-rst", "include", "raw", "file", "long"],
)  # fmt: skip
def test_what_cannot_be_rendered_is_text(
    context: DescribeContext, text: str, content_type: str, outcome: Outcome, reason: str
) -> None:
    made = rendered(context, Source(text, content_type))
    assert made.outcome is outcome
    assert re.search(reason, made.reason)
    assert bool(made.html) is (outcome is Outcome.RENDERED)


@pytest.mark.parametrize(
    ("text", "content_type"),
    [
        ("<div>" * 60_000, "text/markdown"),
        ("".join(f".. |a{i}| replace:: |a{i + 1}| |a{i + 1}|\n" for i in range(25)) + ".. |a25| replace:: x\n\n|a0|\n", "text/x-rst"),
    ],
    ids=["nested", "exponential"],
)  # fmt: skip
def test_a_bomb_ends_at_its_limits(context: DescribeContext, text: str, content_type: str) -> None:
    made = rendered(context, Source(text, content_type))
    assert made.outcome is Outcome.FAILED
    assert made.reason.startswith(("timeout", "memory", "crash", "it is nested")), made.reason


@pytest.mark.parametrize(
    ("content_type", "media", "variant"),
    [
        ("text/markdown", "text/markdown", "GFM"),
        ("Text/Markdown; variant=CommonMark", "text/markdown", "CommonMark"),
        ('text/markdown;variant="x"', "text/markdown", "GFM"),
        ("text/x-rst; charset=UTF-8", "text/x-rst", ""),
        ("application/octet-stream", "text/plain", ""),
        ("", "text/x-rst", ""),
    ],
)
def test_kinds(content_type: str, media: str, variant: str) -> None:
    kind = kind_of(content_type)
    assert (kind.media, kind.variant, kind.stated) == (media, variant, bool(content_type))


@given(st.text(alphabet=st.sampled_from("<>&\"'/= abhij1pre[](){}!#:;\n\t\\`*_-.\u202e\x00🎉")) | st.text())
@settings(max_examples=300, deadline=None)
def test_whatever_comes_in_what_goes_out_is_allowed(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    for media in ("text/markdown",):
        asked = orjson.dumps({"text": text, "media": media, "variant": "GFM"})
        assert faults(orjson.loads(render_call(asked, None))["html"]) == ""
    assert faults(fit(text)) == ""


@pytest.mark.parametrize(
    "html",
    [
        "<script>x</script>", "<p onclick=\"x\">a</p>", "<p style=\"x\">a</p>", "<a href=\"javascript:x\">a</a>",
        "<a href=\"java&#115;cript:x\">a</a>", "<a href=\"//x.invalid\">a</a>", "<a href=\"/account/\">a</a>",
        "<img src=\"x\">", "<p>a", "<p>a</div>", "</p>", "<p", "<p >a</p >", "<P>a</P>", "<!-- a -->", "<![CDATA[", "<?x?>",
        "<p id=\"main\">a</p>", "<p class=\"warning\">a</p>", "<h1>a</h1>", "a & b", "&copy;", "<svg></svg>", "<math></math>",
        "<a href=\"#main\">a</a>", "<a href=\"https://x.invalid\" rel=\"opener\">a</a>", "<a href='https://x.invalid'>a</a>",
        "<a><a></a></a>", "<p>" * 200 + "</p>" * 200, "<form></form>", "<details ontoggle=\"x\" open=\"open\"></details>",
        "<a href=\"https:\\\\x.invalid\">a</a>", "<pre tabindex=\"-1\">a</pre>", "<a target=\"x\">a</a>",
    ],
)  # fmt: skip
def test_the_judge_finds_what_is_wrong(html: str) -> None:
    assert faults(html)


def test_the_judge_refuses_what_a_broken_renderer_gives(context: DescribeContext) -> None:
    for value in (b"", b"{}", b'{"html": 1, "reason": ""}', b'{"html": "<script>x</script>", "reason": ""}'):
        html, reason = describe._checked(value)
        assert not html
        assert reason


def test_a_release_is_described_by_a_job(db: Database, sandbox: Sandbox, now: datetime) -> None:
    context = DescribeContext(db, sandbox)
    with db.write() as tx:
        tx.execute(insert(project).values(id="p", key="spam", name="spam", status="active", created_at=now))
        about = {"description": "# Hello", "description_content_type": "text/markdown"}
        tx.execute(insert(release).values(id="r", project_id="p", version="1.0", metadata=about, created_at=now))
        expect_description(tx, "r")
        ask(tx, "r", now)
    with db.read() as conn:
        assert read_description(conn, "spam", "1.0") == Description(Outcome.WAITING)
        assert read_description(conn, "spam", "2.0") == Description(Outcome.WAITING)
    assert work_once(db, {QUEUE: partial(describe.handle, context)}, lambda: now)
    with db.read() as conn:
        made = read_description(conn, "spam", "1.0")
        assert conn.execute(select(job.c.id)).all() == []
    html = '<h3 id="user-content-hello">Hello</h3>\n'
    assert made == Description(Outcome.RENDERED, "text/markdown", html)
    assert describe.refresh(db, now) == 0, "what this version rendered stays"
    with db.write() as tx:
        tx.execute(description.update().values(renderer=describe.RENDERER - 1))
    assert describe.refresh(db, now) == 1
    assert work_once(db, {QUEUE: partial(describe.handle, context)}, lambda: now)
    assert describe.refresh(db, now) == 0


def test_a_sandbox_that_does_not_answer_says_nothing_of_the_text(
    db: Database, sandbox: Sandbox, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What failed stays so until the renderer is another; the author is told that the text is wrong."""
    context = DescribeContext(db, sandbox)
    with db.write() as tx:
        tx.execute(insert(project).values(id="p", key="spam", name="spam", status="active", created_at=now))
        about = {"description": "# Hello", "description_content_type": "text/markdown"}
        tx.execute(insert(release).values(id="r", project_id="p", version="1.0", metadata=about, created_at=now))
        expect_description(tx, "r")
        ask(tx, "r", now)
    with monkeypatch.context() as patch:

        def gone(*_: object) -> None:
            raise OSError("no process")

        patch.setattr(type(sandbox), "_once", gone)
        assert work_once(db, {QUEUE: partial(describe.handle, context)}, lambda: now)
    with db.read() as conn:
        assert read_description(conn, "spam", "1.0") == Description(Outcome.WAITING)
    later = now + timedelta(minutes=20)
    assert work_once(db, {QUEUE: partial(describe.handle, context)}, lambda: later)
    with db.read() as conn:
        assert read_description(conn, "spam", "1.0").outcome == Outcome.RENDERED


def test_what_a_release_said_before_is_not_kept(db: Database, now: datetime) -> None:
    """The release says something else since the job read it: what the job made of that is of no use."""
    with db.write() as tx:
        tx.execute(insert(project).values(id="p", key="spam", name="spam", status="active", created_at=now))
        about = {"description": "new"}
        tx.execute(insert(release).values(id="r", project_id="p", version="1.0", metadata=about, created_at=now))
        expect_description(tx, "r")
        describe._keep("r", Source("old", ""), Description(Outcome.RENDERED, html="<p>old</p>"), now, tx)
    with db.read() as conn:
        assert read_description(conn, "spam", "1.0") == Description(Outcome.WAITING)
