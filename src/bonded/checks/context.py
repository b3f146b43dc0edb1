"""What a check may know besides the archive: a plain value that screening prepares. Checks fetch nothing themselves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A popular project whose name is near. `how` says in words what differs, `distance` in 0..1 (0: looks the same)."""

    name: str
    how: str
    distance: float


@dataclass(frozen=True, slots=True)
class Context:
    """The circumstances of an upload. "" and None: not known.

    `project` is the normalized name, `new_project` whether this is its first release, `nearest` the nearest popular
    project unless the project is popular itself.
    """

    project: str = ""
    new_project: bool = False
    uploader: str = ""
    nearest: Neighbour | None = None
