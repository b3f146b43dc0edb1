"""What a check may know besides the archive: a plain value that screening prepares. Checks fetch nothing themselves."""

from __future__ import annotations

from dataclasses import dataclass

from bonded.facts.profile import Profile


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A popular project whose name is near. `how` says in words what differs, `distance` in 0..1 (0: looks the same)."""

    name: str
    how: str
    distance: float


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who uploaded the file; None: not known. Days are whole days before the upload.

    `account_days` since the account was made, `role_days` since they were given a role in a project that had releases before
    them, `new_projects` how many projects they made in the day before, `factor_days` since they gave up their second factor.
    """

    account_days: int | None = None
    role_days: int | None = None
    new_projects: int = 0
    factor_days: int | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """The release before this one. `days` from its last file to this one, `same_rules` whether its flows can be compared
    (its facts were made by the same code), `uploaders` who uploaded it, by their opaque ids, `attested` whether all of its files
    came with what a build attested (PEP 740)."""

    version: str
    days: int
    files: tuple[Profile, ...] = ()
    same_rules: bool = False
    uploaders: tuple[str, ...] = ()
    attested: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """The circumstances of an upload. "" and None: not known.

    `project` is the normalized name, `new_project` whether nothing of it was public yet, `nearest` the nearest popular (or
    private) project unless the project is popular itself. `private` is the configured pattern that keeps this name for the
    organisation. `attested`: a build attested where the file comes from. `siblings` are the other files of the same release,
    `earlier` is the release before.
    """

    project: str = ""
    new_project: bool = False
    uploader: str = ""
    nearest: Neighbour | None = None
    private: str = ""
    publisher: Publisher = Publisher()
    attested: bool = False
    siblings: tuple[Profile, ...] = ()
    earlier: Earlier | None = None
