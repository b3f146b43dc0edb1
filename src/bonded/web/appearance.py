"""How a visitor wants pages to look: light, dark or as the system says, and more contrast. Two cookies, no account needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyramid.response import Response

if TYPE_CHECKING:
    from bonded.web.request import Request

SYSTEM = "system"
CHOICES: Mapping[str, tuple[str, ...]] = {"theme": (SYSTEM, "light", "dark"), "contrast": (SYSTEM, "more")}
YEAR = 31_536_000


@dataclass(frozen=True, slots=True)
class Appearance:
    """What was chosen; "" where the system decides."""

    theme: str
    contrast: str


def of(request: Request) -> Appearance:
    """The visitor's choice; anything else in the cookies counts as none."""
    chosen = {name: request.cookies.get(f"bonded-{name}", "") for name in CHOICES}
    valid = {name: value if value in CHOICES[name][1:] else "" for name, value in chosen.items()}
    return Appearance(**valid)


def keep(request: Request, response: Response, chosen: Mapping[str, str]) -> None:
    """Keep `chosen` (a value of CHOICES for each name) for a year. Scripts change the same cookies, so they may be read."""
    for name, value in chosen.items():
        age = 0 if value == SYSTEM else YEAR
        response.set_cookie(
            f"bonded-{name}", value, max_age=age, path="/", secure=request.settings.secure, samesite="Lax"
        )
