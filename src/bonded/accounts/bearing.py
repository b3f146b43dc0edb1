"""What a token may do at this moment: much may happen between the check at the door and the act, as a large file is examined.

A token may be revoked, and the account frozen or deleted. A token for a first upload becomes one for the project that it made; a
token that a CI identity was exchanged for acts in the name of whoever added the publisher of the project in question, and ends with
that publisher. `as_of_now` is asked again in the transaction that acts, so that of many uploads at once exactly one makes a project,
and a right that was taken away counts at once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from bonded.accounts import publishers
from bonded.accounts.caveats import TOKEN_PROJECT
from bonded.accounts.people import by_id as user_by_id
from bonded.accounts.permits import ACCOUNT_FROZEN
from bonded.accounts.tables import token, user
from bonded.accounts.tokens import TOKEN_REVOKED, Bearer
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.values.refusals import Refusal, define
from bonded.values.states import AccountState, SubjectKind
from bonded.values.who import Actor

FIRST_UPLOAD_ONLY = define(
    "token-first-upload",
    403,
    "The API token is for a new project",
    "This token is good for making one new project by its first upload, and from then on for that project alone. The project in the "
    "request is there already. Use a token for this project, or one for your whole account.",
)
PUBLISHER_GONE = define(
    "publisher-gone",
    403,
    "The trusted publisher was removed",
    "The short-lived token was made for a trusted publisher that the project does not have any more. An owner of the project can add "
    "it again on the publishing page.",
)


_NOW = (
    select(token.c.revoked_at, token.c.first_upload, token.c.projects, user.c.state)
    .join(user, user.c.id == token.c.user_id)
    .where(token.c.id == bindparam("wanted"))
)
"""Built once: every upload asks."""


def as_of_now(conn: Connection, bearer: Bearer, project: str, *, exists: bool) -> Bearer:
    """The bearer with what the token may do now, for an act on `project` (normalized), which is there or not.

    Raises Refusal (token-revoked, token-project, token-first-upload, publisher-gone, account-frozen).
    """
    row = conn.execute(_NOW, {"wanted": bearer.token_id}).one_or_none()
    if row is None or row.revoked_at is not None:  # None: the account was deleted, and its tokens with it
        raise Refusal(TOKEN_REVOKED, "the API token was revoked: make a new one")
    if bearer.publishers:
        return _publisher(conn, bearer, project)
    if row.state != AccountState.ACTIVE:
        raise Refusal(ACCOUNT_FROZEN, "the account of this API token is frozen: ask an administrator")
    return _first_upload(row, bearer, project, exists) if bearer.first_upload else bearer


def made_project(tx: Tx, who: Actor, bearer: Bearer, project: str, *, now: datetime) -> Bearer:
    """Bind the token, or the publisher, of whoever just made `project` to it, in the transaction that makes it.

    Of several transactions at once one wins. Raises Refusal (token-project) for the others: roll back.
    """
    if bearer.publishers:
        publishers.bind(tx, who, bearer.publishers, project, now=now)
    publishers.name_taken(tx, project, by=bearer.user.id, now=now)
    if not bearer.first_upload:
        return bearer
    mine = (token.c.id == bearer.token_id) & token.c.first_upload
    if tx.execute(update(token).where(mine).values(first_upload=False, projects=[project])).rowcount != 1:
        raise Refusal(TOKEN_PROJECT, "the API token made another project already, and is for that one now")
    subject, person = (SubjectKind.TOKEN, bearer.token_id), bearer.user.id
    record(tx, "token.bind", who, subject, now=now, project=project, user=person, facts={"projects": [project]})
    return replace(bearer, first_upload=False, projects=(project,))


def _first_upload(row: Any, bearer: Bearer, project: str, exists: bool) -> Bearer:
    if row.first_upload:
        if exists:
            raise Refusal(FIRST_UPLOAD_ONLY, f"the API token is for a new project, and {project} exists already")
        return bearer
    if project not in row.projects:
        raise Refusal(TOKEN_PROJECT, f"the API token made the project {row.projects[0]} and is for that one now")
    return replace(bearer, first_upload=False, projects=bearer.projects or tuple(row.projects))


def _publisher(conn: Connection, bearer: Bearer, project: str) -> Bearer:
    if project not in bearer.projects:
        raise Refusal(TOKEN_PROJECT, f"the API token is not for the project {project}: use one that is")
    person = publishers.acting_for(conn, bearer.publishers, project)
    if person is None:
        raise Refusal(PUBLISHER_GONE, f"the trusted publisher of {project} was removed")
    acting = user_by_id(conn, person)
    if acting is None or not acting.active:
        raise Refusal(ACCOUNT_FROZEN, "the account of whoever added this trusted publisher is frozen")
    return replace(bearer, user=acting)
