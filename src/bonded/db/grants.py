"""What the roles of PostgreSQL may do: the tables' owner migrates, the server's processes work with less.

Triggers keep the journal insert-only for everybody, but a table's owner can drop a trigger. So the processes that talk to
the world sign in as roles that own nothing: they may insert into the journal and read it, and neither change nor delete a
row of it, nor take the triggers away. The role of the web processes may not write the log's leaves, nodes and seals at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from sqlalchemy import Connection, text

from bonded.db.tables import whole

EVERYTHING = ("SELECT", "INSERT", "UPDATE", "DELETE")
LOG = ("journal_leaf", "journal_node", "seal")
INSERT_ONLY = ("journal", *LOG, "finding", "screening_run", "verdict")
"""Tables in which nothing is ever changed or deleted; see also `migrate.protect`."""


class Kind(StrEnum):
    """The kinds of processes."""

    WEB = "web"
    """`bonded web`: answers requests."""
    SERVER = "server"
    """`bonded serve`, `worker`, `publisher`, `refresher`: seal the journal too."""


class NoSuchRole(Exception):
    """The database has no such role, or it is the one that owns the tables; the message says which."""


def privileges(table: str, kind: Kind) -> tuple[str, ...]:
    """What a process of this kind may do to a table."""
    if table in LOG and kind is Kind.WEB:
        return ("SELECT",)
    if table in INSERT_ONLY:
        return ("SELECT", "INSERT")
    if table == "journal_private":
        return ("SELECT", "INSERT", "DELETE")  # addresses expire, and are forgotten when people ask for it
    if table == "journal_unsealed":
        return ("SELECT", "INSERT") if kind is Kind.WEB else ("SELECT", "INSERT", "DELETE")
    return EVERYTHING


def check(tx: Connection, role: str) -> None:
    """That `role` can be given rights: before anything else is done, for whoever is refused begins anew. Raises NoSuchRole."""
    known = tx.execute(text("SELECT rolsuper FROM pg_roles WHERE rolname = :role"), {"role": role}).one_or_none()
    if known is None:
        raise NoSuchRole(f"there is no role {role!r} in this PostgreSQL: CREATE ROLE makes one")
    if known.rolsuper or tx.execute(text("SELECT pg_has_role(:role, current_user, 'MEMBER')"), {"role": role}).scalar():
        raise NoSuchRole(f"the role {role!r} owns the tables or may do everything: take one that does not")


def grant(tx: Connection, role: str, kind: Kind) -> None:
    """Give `role` exactly what processes of this kind need. PostgreSQL only. Raises NoSuchRole."""
    check(tx, role)
    for statement in statements(_quoted(tx, role), kind):
        tx.execute(text(statement))


def statements(role: str, kind: Kind) -> Iterator[str]:
    """The statements, for a quoted role."""
    yield f"GRANT USAGE ON SCHEMA public TO {role}"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}"
    yield f"GRANT SELECT ON alembic_version TO {role}"
    for table in sorted(whole().tables):
        yield f'GRANT {", ".join(privileges(table, kind))} ON "{table}" TO {role}'
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"


def _quoted(tx: Connection, role: str) -> str:
    return str(tx.dialect.identifier_preparer.quote_identifier(role)).replace(":", "\\:")
