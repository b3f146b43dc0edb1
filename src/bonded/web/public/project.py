"""The page of a project and of one of its releases: description, install line, files with digests and states."""

from __future__ import annotations

from markupsafe import Markup
from packaging.version import InvalidVersion, Version
from pyramid.httpexceptions import HTTPMovedPermanently
from pyramid.response import Response

from bonded.catalog.descriptions import read_description
from bonded.catalog.pages import PageState, page_state
from bonded.catalog.read import role_in
from bonded.values.names import normalize
from bonded.values.states import ProjectStatus
from bonded.web.public.about import about
from bonded.web.request import Request, found


def show(request: Request) -> Response:
    """The newest release, or the one named in the address. Raises Refusal (not-found)."""
    key = normalize(request.part("project"))
    if key != request.part("project"):
        return HTTPMovedPermanently(location=request.path.replace(request.part("project"), key, 1))
    user = request.visitor.user
    with request.db.read() as conn:
        page = found(page_state(conn, key), f"There is no project {key[:100]} here.")
        mine = role_in(conn, user.id, key) if user else None
        version = _version(page, request.matchdict.get("version"))
        description = read_description(conn, key, version)
    metadata = page.metadata.get(version, {})
    return request.page(
        "public/project.html",
        page=page,
        version=version,
        newest=newest_version(page),
        files=[file for file in page.files if file.version == version],
        about=about(metadata),
        description=description,
        prose=Markup(description.html),  # noqa: S704 - judged by values.prose.faults before it was kept
        mine=mine,
        quarantined=page.status is ProjectStatus.QUARANTINED,
        install=install_line(request.settings.base, page, version),
        versions=[(v, _yanked(page, v)) for v in reversed(page.versions)],
    )


def newest_version(page: PageState) -> str:
    """The version that installers would choose: the newest final one not yanked, else the newest; "" without files."""
    usable = [v for v in page.versions if not _yanked(page, v)]
    final = [v for v in usable if not _pre(v)]
    return next(iter((final or usable or list(page.versions))[::-1]), "")


def install_line(base: str, page: PageState, version: str) -> str:
    """The command that installs what the page shows, from this index."""
    which = page.key if version == newest_version(page) else f"{page.key}=={version}"
    return f"pip install --index-url {base}simple/ {which}"


def _version(page: PageState, asked: str | None) -> str:
    if asked is None:
        return newest_version(page)
    try:
        canonical = str(Version(asked))
    except InvalidVersion:
        canonical = asked
    return found(canonical if canonical in page.versions else None, f"{page.name} has no release {asked[:60]} here.")


def _pre(version: str) -> bool:
    try:
        return Version(version).is_prerelease
    except InvalidVersion:
        return True


def _yanked(page: PageState, version: str) -> bool:
    return all(file.yanked for file in page.files if file.version == version)
