"""A project's status markers (PEP 792), and its deletion."""

from __future__ import annotations

from pyramid.response import Response

from bonded.catalog import change
from bonded.values.names import normalize
from bonded.values.states import ProjectStatus
from bonded.web.forms import Form
from bonded.web.identity import actor
from bonded.web.manage.files import project_of
from bonded.web.notices import go
from bonded.web.request import Request


def show(request: Request) -> Response:
    """The status, what it means to installers, and what can be done."""
    return _page(request, Form(request), 200)


def archive(request: Request) -> Response:
    """Mark as archived. Raises Refusal (wrong-state)."""
    return _set(request, "project.archive", ProjectStatus.ARCHIVED)


def unarchive(request: Request) -> Response:
    """Take out of the archive. Raises Refusal (wrong-state)."""
    return _set(request, "project.unarchive", ProjectStatus.ACTIVE)


def deprecate(request: Request) -> Response:
    """Mark as deprecated. Raises Refusal (wrong-state)."""
    return _set(request, "project.deprecate", ProjectStatus.DEPRECATED)


def undeprecate(request: Request) -> Response:
    """Take back a deprecation. Raises Refusal (wrong-state)."""
    return _set(request, "project.undeprecate", ProjectStatus.ACTIVE)


def delete(request: Request) -> Response:
    """Delete the project with all its files, when its name was typed right. Raises Refusal (wrong-state)."""
    form = Form(request)
    key = normalize(request.part("project"))
    if normalize(form.text("name", most=100)) != key:
        form.wrong("name", request.gettext("This is not the project's name."))
        return _page(request, form, 400)
    with request.db.write() as tx:
        change.delete_project(tx, actor(request), key, reason=form.words("reason"), now=request.now)
    return go(request, "/account/", "project-deleted")


def _set(request: Request, action: str, status: ProjectStatus) -> Response:
    key = normalize(request.part("project"))
    reason = Form(request).words("reason")
    with request.db.write() as tx:
        change.set_status(tx, action, actor(request), key, status, reason=reason, now=request.now)
    return go(request, f"/manage/project/{key}/status/", "status-changed")


def _page(request: Request, form: Form, status: int) -> Response:
    with request.db.read() as conn:
        project = project_of(conn, request)
    return request.page("manage/status.html", status=status, project=project, form=form)
