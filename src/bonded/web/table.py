"""What a route is: an address, and for each method the action it is and the view that answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from pyramid.response import Response

from bonded.values.actions import ACTIONS, Action
from bonded.web.request import Request

View = Callable[[Request], Response]


class Proof(Enum):
    """How a request proves who sends it."""

    SESSION = "session"
    """The session cookie; unsafe methods also carry the session's form secret."""
    TOKEN = "token"
    """An API token in the Authorization header, checked by the view through accounts.tokens; cookies are not looked at."""


@dataclass(frozen=True, slots=True)
class Route:
    """One address. A part `{project}` in `pattern` names the project in which the visitor's role counts."""

    name: str
    pattern: str
    methods: Mapping[str, tuple[str, View]]
    proof: Proof = Proof.SESSION
    stranger_form: bool = False
    """Its form is for people without a session: the form secret is in a cookie of its own."""

    def __post_init__(self) -> None:
        unknown = [action for action, _ in self.methods.values() if action not in ACTIONS]
        if unknown:
            raise ValueError(f"route {self.name} declares actions that do not exist: {unknown}")

    def handler(self, method: str) -> tuple[Action, View] | None:
        """The action and view for `method`; HEAD is answered as GET. None: not possible here."""
        found = self.methods.get("GET" if method == "HEAD" else method)
        return (ACTIONS[found[0]], found[1]) if found else None

    @property
    def allow(self) -> tuple[str, ...]:
        """Methods for the Allow header."""
        return (*self.methods, "HEAD") if "GET" in self.methods else tuple(self.methods)
