"""Trusted publishers: which builds may publish to which project, and in whose name.

A publisher of a project acts in the name of the owner who added it, with the role that this person has at that moment: whoever loses the
role, or whose account is frozen, publishes no more by any way, and another owner takes the publisher over with one press. A
pending publisher belongs to a person; its first upload makes the project. It keeps no name: whoever makes the project first has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from bonded.accounts.names import plausible_id
from bonded.accounts.oidc_shapes import SHAPES, Claims, Shape
from bonded.accounts.publisher_tables import publisher
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.values.names import check_project_name, normalize
from bonded.values.pieces import names
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.text import new_id
from bonded.values.who import POLICY, Actor

MOST_OF_PROJECT = 50
MOST_PENDING = 20

PUBLISHER_FORM = define(
    "publisher-form",
    400,
    "The trusted publisher cannot be added like this",
    "Fill in what the build service calls the repository and the workflow. The documentation on trusted publishing says where to find each.",
)
PUBLISHER_KNOWN = define(
    "publisher-known",
    409,
    "The trusted publisher is there already",
    "It was added before; there is nothing more to do.",
)
NO_SUCH_PUBLISHER = define(
    "no-such-publisher", 404, "No such trusted publisher", "It was removed already, has ended, or is not yours."
)
TOO_MANY_PUBLISHERS = define(
    "too-many-publishers",
    409,
    "Too many trusted publishers",
    f"A project can have {MOST_OF_PROJECT} of them, and a person {MOST_PENDING} for projects to be. Remove one that is not used.",
)


@dataclass(frozen=True, slots=True)
class Publisher:
    """One publisher. `fields` are what was filled in, `pins` the claims that must stay; `user_id` in whose name it acts."""

    id: str
    project_key: str
    project_name: str
    issuer: str
    fields: Mapping[str, str]
    pins: Mapping[str, Any]
    pending: bool
    user_id: str
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None

    @property
    def filled_in(self) -> list[str]:
        """What was filled in, in the order of the form."""
        forms = ([field.name for field in shape.fields] for shape in SHAPES.values())
        order = next((names for names in forms if set(names) == set(self.fields)), sorted(self.fields))
        return [self.fields[name] for name in order if self.fields[name]]

    @property
    def words(self) -> str:
        """In words for people: the host of the issuer and what was filled in."""
        return f"{urlsplit(self.issuer).netloc}: {', '.join(self.filled_in)}"

    def live(self, now: datetime) -> bool:
        return self.expires_at is None or now < self.expires_at


def add(
    tx: Tx,
    who: Actor,
    shape: Shape,
    issuer: str,
    project: str,
    values: Mapping[str, str],
    *,
    user_id: str,
    now: datetime,
) -> Publisher:
    """Add a publisher to the project of that normalized name. Raises Refusal (publisher-form, -known, too-many-publishers)."""
    fields = _checked(shape, values)
    count = tx.execute(
        select(func.count()).where(publisher.c.project_key == project, ~publisher.c.pending)
    ).scalar_one()
    if count >= MOST_OF_PROJECT:
        raise Refusal(
            TOO_MANY_PUBLISHERS, f"the project has as many trusted publishers as it may have ({MOST_OF_PROJECT})"
        )
    known = (publisher.c.project_key == project) & (publisher.c.issuer == issuer) & (publisher.c.fields == fields)
    if tx.execute(select(publisher.c.id).where(known, ~publisher.c.pending)).first():
        raise Refusal(PUBLISHER_KNOWN, "the project has this trusted publisher already")
    tx.execute(delete(publisher).where(known, publisher.c.user_id == user_id))  # one that waited for the project
    made = Publisher(new_id(), project, project, issuer, fields, {}, False, user_id, now, None, None)
    _insert(tx, made, shape)
    _record(tx, "publisher.add", who, made, now)
    return made


def add_pending(
    tx: Tx,
    who: Actor,
    shape: Shape,
    issuer: str,
    project: str,
    values: Mapping[str, str],
    *,
    user_id: str,
    lifetime: timedelta,
    now: datetime,
) -> Publisher:
    """Add a publisher whose first upload makes `project`, by the name that it is to have.

    Whether the name is free is for the caller to see; nothing keeps it. Raises Refusal (invalid-name, publisher-form, -known,
    too-many-publishers).
    """
    fields, name = _checked(shape, values), check_project_name(project)
    mine = (publisher.c.user_id == user_id) & publisher.c.pending
    if tx.execute(select(func.count()).where(mine)).scalar_one() >= MOST_PENDING:
        raise Refusal(
            TOO_MANY_PUBLISHERS,
            f"you have as many trusted publishers for new projects as you may have ({MOST_PENDING})",
        )
    ends = now + lifetime
    made = Publisher(new_id(), normalize(name), name, issuer, fields, {}, True, user_id, now, ends, None)
    _insert(tx, made, shape)
    _record(tx, "pending-publisher.add", who, made, now)
    return made


def remove(tx: Tx, who: Actor, publisher_id: str, project: str, *, now: datetime) -> Publisher:
    """Remove a publisher of that project; tokens made for it end at once. Raises Refusal (no-such-publisher)."""
    found = _need(tx, publisher_id, (publisher.c.project_key == project) & ~publisher.c.pending)
    tx.execute(delete(publisher).where(publisher.c.id == found.id))
    _record(tx, "publisher.remove", who, found, now)
    return found


def remove_pending(tx: Tx, who: Actor, publisher_id: str, user_id: str, *, now: datetime) -> Publisher:
    """Remove a person's own pending publisher. Raises Refusal (no-such-publisher), also for somebody else's."""
    found = _need(tx, publisher_id, (publisher.c.user_id == user_id) & publisher.c.pending)
    tx.execute(delete(publisher).where(publisher.c.id == found.id))
    _record(tx, "pending-publisher.remove", who, found, now)
    return found


def adopt(tx: Tx, who: Actor, publisher_id: str, project: str, *, user_id: str, now: datetime) -> Publisher:
    """Have a publisher of that project act in the name of this owner. Raises Refusal (no-such-publisher)."""
    found = _need(tx, publisher_id, (publisher.c.project_key == project) & ~publisher.c.pending)
    tx.execute(update(publisher).where(publisher.c.id == found.id).values(user_id=user_id))
    _record(tx, "publisher.adopt", who, found, now)
    return found


def of_project(conn: Connection, project: str) -> list[Publisher]:
    """The publishers of a project, oldest first."""
    return _all(conn, (publisher.c.project_key == project) & ~publisher.c.pending)


def pending_of(conn: Connection, user_id: str) -> list[Publisher]:
    """A person's pending publishers, oldest first."""
    return _all(conn, (publisher.c.user_id == user_id) & publisher.c.pending)


def matching(
    conn: Connection, shape: Shape, issuer: str, claims: Claims, *, now: datetime
) -> tuple[list[Publisher], list[str]]:
    """The publishers that an identity of `issuer` is good for; where there are none, the claims that stood in the way.

    Only publishers of this issuer are looked at: the same repository name of another service is another repository.
    """
    lookup = shape.lookup_of(claims)
    found = _all(conn, (publisher.c.issuer == issuer) & (publisher.c.lookup == lookup)) if lookup else []
    wrong = {one.id: shape.disagreeing(one.fields, one.pins, claims) for one in found}
    good = [one for one in found if not wrong[one.id] and one.live(now)]
    nearest = min((names for names in wrong.values() if names), key=len, default=[])
    return good, [] if good else nearest


def used(tx: Tx, one: Publisher, pins: Mapping[str, Any], *, now: datetime) -> None:
    """Note a use, and at the first one what is to stay the same from then on."""
    tx.execute(update(publisher).where(publisher.c.id == one.id).values(used_at=now))
    if pins:
        tx.execute(update(publisher).where(publisher.c.id == one.id, publisher.c.pins == {}).values(pins=dict(pins)))


def by_ids(conn: Connection, ids: Iterable[str]) -> list[Publisher]:
    """These publishers, pending ones too, oldest first; those that are gone are left out."""
    wanted = list(ids)
    return _all(conn, publisher.c.id.in_(wanted)) if wanted else []


def acting_for(conn: Connection, ids: Iterable[str], project: str) -> str | None:
    """In whose name one of these publishers acts on the project; None when it is not there any more."""
    mine = publisher.c.id.in_(list(ids)) & (publisher.c.project_key == project)
    return conn.execute(select(publisher.c.user_id).where(mine).order_by(publisher.c.created_at).limit(1)).scalar()


def bind(tx: Tx, who: Actor, ids: Iterable[str], project: str, *, now: datetime) -> None:
    """The project of pending publishers was made: they are publishers of it from now on. None of them: nothing is done."""
    waiting = _all(tx, publisher.c.id.in_(list(ids)) & (publisher.c.project_key == project) & publisher.c.pending)
    for one in waiting:
        tx.execute(update(publisher).where(publisher.c.id == one.id).values(pending=False, expires_at=None))
        _record(tx, "pending-publisher.bind", who, one, now, project=project)


_WAITING_FOR = select(publisher.c.id).where(publisher.c.project_key == bindparam("project"), publisher.c.pending)
"""Built once: every new project asks, and nearly always nobody waits for its name."""


def name_taken(tx: Tx, project: str, *, by: str, now: datetime) -> None:
    """A project was made: end the publishers of other people that waited to make it, and tell them."""
    if tx.execute(_WAITING_FOR, {"project": project}).first() is None:
        return
    for one in _all(tx, (publisher.c.project_key == project) & publisher.c.pending & (publisher.c.user_id != by)):
        tx.execute(delete(publisher).where(publisher.c.id == one.id))
        _record(tx, "pending-publisher.taken", POLICY, one, now)


def expire(tx: Tx, *, now: datetime) -> int:
    """End pending publishers whose time is over, and tell their people; returns how many."""
    over = _all(tx, publisher.c.pending & (publisher.c.expires_at <= now))
    count = 0
    for one in over:
        if tx.execute(delete(publisher).where(publisher.c.id == one.id, publisher.c.pending)).rowcount == 1:
            _record(tx, "pending-publisher.expire", POLICY, one, now)
            count += 1
    return count


def _checked(shape: Shape, values: Mapping[str, str]) -> dict[str, str]:
    fields = {one.name: values.get(one.name, "").strip() for one in shape.fields}
    wrong = [one.name for one in shape.fields if not one.valid(fields[one.name])]
    if wrong:
        raise Refusal(PUBLISHER_FORM, f"this cannot be right: {names(wrong)}")
    return fields


def _insert(tx: Tx, made: Publisher, shape: Shape) -> None:
    names = (
        "id",
        "project_key",
        "project_name",
        "issuer",
        "fields",
        "pins",
        "pending",
        "user_id",
        "created_at",
        "expires_at",
    )
    row = {name: getattr(made, name) for name in names} | {"lookup": shape.lookup(made.fields)}
    try:
        with tx.begin_nested():
            tx.execute(insert(publisher).values(row))
    except IntegrityError:
        raise Refusal(PUBLISHER_KNOWN, "this trusted publisher is there already") from None


def _need(tx: Tx, publisher_id: str, which: Any) -> Publisher:
    found = _all(tx, (publisher.c.id == publisher_id) & which) if plausible_id(publisher_id) else []
    if not found:
        raise Refusal(NO_SUCH_PUBLISHER, "there is no such trusted publisher")
    return found[0]


def _all(conn: Connection, which: Any) -> list[Publisher]:
    columns = [column for column in publisher.c if column.name != "lookup"]
    rows = conn.execute(select(*columns).where(which).order_by(publisher.c.created_at, publisher.c.id))
    return [Publisher(**row._mapping) for row in rows]


def _record(tx: Tx, action: str, who: Actor, one: Publisher, now: datetime, *, project: str | None = None) -> None:
    """What was filled in names people, so it stands beside the row and goes with them."""
    facts = {"issuer": one.issuer} | ({"wanted": one.project_name} if one.pending else {})
    key = project if one.pending else one.project_key
    subject = (SubjectKind.PUBLISHER, one.id)
    private = {"publisher": one.words}
    record(tx, action, who, subject, now=now, project=key, user=one.user_id, facts=facts, private=private)
