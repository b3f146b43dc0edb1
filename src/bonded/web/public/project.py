"""The page of a project and of one of its releases: what it is, how to install and verify it, files, versions, history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape
from packaging.requirements import InvalidRequirement, Requirement
from pyramid.httpexceptions import HTTPMovedPermanently
from pyramid.response import Response
from sqlalchemy import Connection

from bonded.accounts import people, publishers
from bonded.catalog import find, read, vulnerabilities
from bonded.catalog.descriptions import read_description
from bonded.catalog.pages import PageFile, PageState, page_state
from bonded.catalog.requirements import dependants
from bonded.tuf import seen
from bonded.values.names import normalize
from bonded.values.states import ProjectStatus
from bonded.values.versions import canonical
from bonded.web.paging import Page, page_by, page_of
from bonded.web.public.about import About, about
from bonded.web.public.commands import installs, requirement, verified_install
from bonded.web.public.hurts import hurts
from bonded.web.public.provenance import links
from bonded.web.request import Request, found
from bonded.web.safe import quoted, with_part

LATELY = 5
"""Changes on the page itself; all are on the page of its history."""
FILES_AT_ONCE = 100
FIRST_RELEASES = 12
OLDER_AT_ONCE = 500
PEOPLE_AT_ONCE = 100
MOST_PINNED = 1000
"""Files of a release, up to which a line for requirements files with the digests of all of them is offered."""


@dataclass(frozen=True, slots=True)
class Needed:
    """One line of what a release requires; `key` where the project is here too."""

    text: str
    key: str


def show(request: Request) -> Response:
    """The newest release, or the one named in the address. Raises Refusal (not-found)."""
    key = normalize(request.part("project"))
    if key != request.part("project"):
        return HTTPMovedPermanently(location=with_part(request.path, 1, key))
    with request.db.read() as conn:
        page = found(page_state(conn, key, with_metadata=False), f"There is no project {key[:100]} here.")
        version = version_of(page, request.matchdict.get("version"))
        values = _values(conn, request, page, version)
    return request.page("public/project.html", page=page, version=version, **values)


def uploaded(request: Request) -> Response:
    """Where hatch says that a release is after its upload, below the address it uploaded to: on to the release's page."""
    key, version = normalize(request.part("project")), request.part("version")
    return HTTPMovedPermanently(location=f"/project/{quoted(key)}/{quoted(version)}/")


def _values(conn: Connection, request: Request, page: PageState, version: str) -> dict[str, Any]:
    project = found(read.project(conn, page.key), "There is no such project here.")
    release = read.release(conn, project.id, version) if version else None
    said, files = about(release.metadata if release else {}), files_of(page, version)
    listed, versions = page_of(request, files, FILES_AT_ONCE), versions_of(page)
    description = read_description(conn, page.key, version)
    user, newest = request.visitor.user, page.newest
    pin = "" if version == newest else version
    bad, withdrawn = hurts(vulnerabilities.of_projects(conn, [page.key]).get(page.key, ()), version)
    return {
        "newest": newest,
        "hurts": bad,
        "withdrawn": withdrawn,
        "files": files,
        "listed": listed,
        "about": said,
        "description": description,
        "prose": Markup(_in_reach(description.html, request.gettext("Table"))),  # noqa: S704 - judged by values.prose.faults before it was kept
        "mine": read.role_in(conn, user.id, page.key) if user else None,
        "quarantined": page.status is ProjectStatus.QUARANTINED,
        "lines": installs(request.settings.base, page.key, pin),
        "pinned": requirement(page.key, version, [f.sha256 for f in files]) if len(files) <= MOST_PINNED else "",
        "verified": verified_install(request.settings.base, page.key, version),
        "versions": versions,
        "recent": versions[:FIRST_RELEASES],
        "older": page_of(request, versions[FIRST_RELEASES:], OLDER_AT_ONCE, "releases"),
        "sealed": seen.sealed(conn, [file.file_id for file in (*files[:1], *listed.shown)]),
        "links": links(said.links, publishers.of_project(conn, page.key)),
        "needed": _needed(conn, said),
        "dependants": dependants(conn, [page.key]).get(page.key, 0),
        "maintainers": _maintainers(conn, request, project.id),
        "lately": seen.history(conn, page.key, limit=LATELY),
    }


def _in_reach(html: str, label: str) -> str:
    """Tables that are wider than the page scroll in a box of their own, which the keyboard reaches too.

    In judged markup, `<table` and `</table>` are tags and nothing else: in texts and attributes "<" is written as an entity.
    """
    box = f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(label)}">'
    return html.replace("<table", f"{box}<table").replace("</table>", "</table></div>")


def _needed(conn: Connection, said: About) -> list[Needed]:
    names = {text: _name(text) for text in said.requires}
    here = find.known(conn, {name for name in names.values() if name})
    return [Needed(text, name if name in here else "") for text, name in names.items()]


def _name(text: str) -> str:
    try:
        return normalize(Requirement(text).name)
    except InvalidRequirement:
        return ""


def _maintainers(conn: Connection, request: Request, project_id: str) -> Page[str]:
    """User names of everybody with a role, owners first."""
    count = read.count_roles(conn, project_id)
    roles = page_by(request, count, PEOPLE_AT_ONCE, lambda some: read.roles(conn, project_id, some), "people")
    names = people.names(conn, {user_id for user_id, _ in roles.shown})
    return Page([names[user_id] for user_id, _ in roles.shown if user_id in names], roles.at, roles.last)


def files_of(page: PageState, version: str) -> list[PageFile]:
    """The public files of one release."""
    return [file for file in page.files if file.version == version]


def versions_of(page: PageState) -> list[tuple[str, bool, Any]]:
    """(version, whether all of it is yanked, time of its first file), newest first."""
    first: dict[str, Any] = {}
    usable: set[str] = set()
    for file in page.files:
        first[file.version] = min(file.uploaded_at, first.get(file.version, file.uploaded_at))
        if not file.yanked:
            usable.add(file.version)
    return [(v, v not in usable, first[v]) for v in reversed(page.versions)]


def version_of(page: PageState, asked: str | None) -> str:
    """The version that is meant, as the page has it: 1.0 is 1.0.0. Raises Refusal (not-found)."""
    if asked is None:
        return page.newest
    meant = canonical(asked)
    same = (version for version in page.versions if canonical(version) == meant)
    return found(next(same, None), f"{page.name} has no release {asked[:60]} here.")
