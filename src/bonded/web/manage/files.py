"""A project's releases and files with their states; yank, take back a yank, delete."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pyramid.response import Response
from sqlalchemy import Connection

from bonded.catalog import by_release, change, read
from bonded.catalog.change_two_owners import STAGED_WORDS
from bonded.catalog.read import File, Project
from bonded.catalog.rules import NO_SUCH_FILE
from bonded.catalog.states import OWNERS_DELETE, check_owner_delete
from bonded.db.engine import Tx
from bonded.values.names import normalize
from bonded.values.refusals import Refusal
from bonded.values.who import Actor
from bonded.web.forms import Form
from bonded.web.identity import actor
from bonded.web.notices import go
from bonded.web.paging import page_by
from bonded.web.request import Request, found

AT_ONCE = 200
Change = Callable[[Tx, Actor, str, str, datetime], int]


def show(request: Request) -> Response:
    """Releases, newest first, each with its files in every state; AT_ONCE files on a page. Raises Refusal (bad-form)."""
    with request.db.read() as conn:
        project = project_of(conn, request)
        every = by_release.counted(conn, project.id)
        count = sum(one.files for one in every)
        page = page_by(request, count, AT_ONCE, lambda some: by_release.some(conn, every, some))
    return request.page(
        "manage/files.html",
        project=project,
        page=page,
        deletable=OWNERS_DELETE,
        staged_words=STAGED_WORDS,
    )


def yank(request: Request) -> Response:
    """Yank a file; the reason is shown to installers. Raises Refusal (wrong-state, reason-too-long)."""
    return _change(request, "yanked", lambda tx, who, it, why, now: change.yank(tx, who, it, reason=why, now=now))


def unyank(request: Request) -> Response:
    """Take back a yank. Raises Refusal (wrong-state)."""
    return _change(request, "unyanked", lambda tx, who, it, why, now: change.unyank(tx, who, it, reason=why, now=now))


def ask_delete(request: Request) -> Response:
    """The page that says what deleting means and asks for the file's name. Raises Refusal (wrong-state, file-is-evidence)."""
    with request.db.read() as conn:
        project = project_of(conn, request)
        file = file_of(conn, request)
    check_owner_delete(file.state)
    return request.page("manage/delete-file.html", project=project, file=file, form=Form(request))


def delete(request: Request) -> Response:
    """Delete a file for good, when its name was typed right. Raises Refusal (wrong-state, file-is-evidence)."""
    form = Form(request)
    with request.db.read() as conn:
        project, file = project_of(conn, request), file_of(conn, request)
    if form.text("filename", most=300) != file.filename:
        form.wrong("filename", request.gettext("This is not the file's name."))
        return request.page("manage/delete-file.html", status=400, project=project, file=file, form=form)
    return _change(
        request, "file-deleted", lambda tx, who, it, why, now: change.delete_file(tx, who, it, reason=why, now=now)
    )


def project_of(conn: Connection, request: Request) -> Project:
    """The project that the address names. Raises Refusal (not-found)."""
    key = normalize(request.part("project"))
    return found(read.project(conn, key), f"There is no project {key[:100]} here.")


def file_of(conn: Connection, request: Request) -> File:
    """The file that the address names, only where it is of the project that the guard looked at.

    Raises Refusal (no-such-file): without this, a role in one project would reach the files of any other.
    """
    file = read.file(conn, request.part("file"))
    if file is None or file.project_key != normalize(request.part("project")):
        raise Refusal(NO_SUCH_FILE, "there is no such file in this project")
    return file


def _change(request: Request, notice: str, act: Change) -> Response:
    form = Form(request)
    reason = form.words("reason")
    with request.db.write() as tx:
        file = file_of(tx, request)
        act(tx, actor(request), file.id, reason, request.now)
    return go(request, f"/manage/project/{file.project_key}/", notice)
