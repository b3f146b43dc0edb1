"""The living style page: every component in every state, made by the macros that all pages use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pyramid.response import Response

from bonded.web.chart import chart
from bonded.web.forms import Form
from bonded.web.request import Request

COLOURS = (
    *("paper", "sheet", "sunk", "line", "edge", "ink", "dim", "link", "act", "brass", "focus"),
    *("good", "good-back", "wait", "wait-back", "bad", "bad-back", "calm", "calm-back"),
)
STATES = (
    *("public", "received", "held", "rejected", "quarantined", "removed", "yanked"),
    *("active", "archived", "deprecated", "frozen", "sealed", "verified", "ok", "slow", "away"),
)
SIZES = ("big", "h1", "h2", "more", "text", "small", "tiny")
VALUES = (3, 7, 0, 12, 9, 4, 15, 22, 18, 6, 11, 8)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the sample of a difference; numbers are those in the old and the new file, 0 for none."""

    kind: str
    old: int
    new: int
    text: str


DIFFERENCE = (
    Line("same", 1, 1, "from setuptools import setup"),
    Line("del", 2, 0, 'setup(name="spam", version="1.0")'),
    Line("add", 0, 2, 'setup(name="spam", version="1.1")'),
)


def show(request: Request) -> Response:
    """The page."""
    wrong = Form(request, {"name": "two words", "mail": ""})
    wrong.wrong("name", request.gettext("Control characters are not possible here."))
    wrong.wrong("mail", request.gettext("Fill this in."))
    return request.page(
        "public/style.html",
        colours=COLOURS,
        states=STATES,
        sizes=SIZES,
        form=Form(request),
        wrong=wrong,
        drawn=chart(VALUES),
        rows=list(enumerate(VALUES, start=1)),
        difference=DIFFERENCE,
        earlier=request.now - timedelta(hours=3),
        long_ago=request.now - timedelta(days=300),
        index=f"{request.settings.base}simple/",
    )
