"""One row of the table of scenes, and the ways to get there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webtest import TestResponse

if TYPE_CHECKING:
    from tests.web.scenes.world import World


@dataclass(frozen=True, slots=True)
class Scene:
    """A page in a state. `route` is the name of the route that answers, `take` gets the answer, which has the status `status`."""

    route: str
    state: str
    take: Callable[[World], TestResponse]
    status: int = 200
    bare: bool = False
    """Taken in the index that has nothing in it."""

    @property
    def name(self) -> str:
        return f"{self.route}-{self.state}"


def at(route: str, state: str, who: str, path: str, status: int = 200, *, bare: bool = False) -> Scene:
    """What `who` ("": nobody) sees at `path`, in which `{name}` stands for what the world calls so."""
    return Scene(route, state, lambda world: world.get(who, path, status), status, bare)


def sent(route: str, state: str, who: str, path: str, fields: dict[str, Any], status: int = 400) -> Scene:
    """What `who` sees after posting `fields` to `path`: a form that is refused, a page that asks again, one that shows a secret."""
    return Scene(route, state, lambda world: world.post(who, path, fields, status), status)
