"""search

What is public already gets its rows here. The words are those of the newest release by its time; the first change of a
project chooses as installers do.

Revision ID: 0019
Revises: 0018
"""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

AT_ONCE = 500
# The empty text keeps SQLite from choosing the index of states: it would read every public file for each project.
KNOWN = """
SELECT p.id, p.key, p.name, (
  SELECT r.id FROM release r JOIN file f ON f.release_id = r.id
  WHERE r.project_id = p.id AND f.state || '' = 'public' ORDER BY r.created_at DESC, r.id LIMIT 1
) AS release_id
FROM project p WHERE EXISTS (SELECT 1 FROM file f WHERE f.project_id = p.id AND f.burnt) ORDER BY p.key
"""
SEARCH = sa.table("project_search", *(sa.column(c) for c in ("project_id", "key", "name", "version", "summary", "words")))
NEAR = sa.table("project_near", sa.column("slip", sa.BigInteger), sa.column("project_id"))
RELEASE = sa.table("release", sa.column("id"), sa.column("version"), sa.column("metadata"))


def upgrade() -> None:
    op.create_table(
        "project_near",
        sa.Column("slip", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_project_near_project_id_project")),
        sa.PrimaryKeyConstraint("slip", "project_id", name=op.f("pk_project_near")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "project_search",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_project_search_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_search")),
        sa.UniqueConstraint("project_id", name=op.f("uq_project_search_project_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_project_search_key", "project_search", ["key"], unique=False)
    connection = op.get_bind()
    known = connection.execute(sa.text(KNOWN)).all()
    for start in range(0, len(known), AT_ONCE):
        _enter(connection, known[start : start + AT_ONCE])


def _enter(connection, rows) -> None:
    ids = [row.release_id for row in rows if row.release_id]
    found = connection.execute(sa.select(RELEASE.c.id, RELEASE.c.version, RELEASE.c.metadata).where(RELEASE.c.id.in_(ids)))
    releases = {row.id: (row.version, json.loads(row.metadata)) for row in found}
    said, slips = [], []
    for row in rows:
        version, metadata = releases.get(row.release_id, ("", {}))
        summary, words = _words(metadata)
        said.append(
            {"project_id": row.id, "key": row.key, "name": row.name, "version": version, "summary": summary, "words": words}
        )
        slips += [{"slip": slip, "project_id": row.id} for slip in sorted(_slips(row.key))]
    connection.execute(sa.insert(SEARCH), said)
    connection.execute(sa.insert(NEAR), slips)


def _words(metadata) -> tuple[str, str]:
    summary, keywords = metadata.get("summary"), metadata.get("keywords") or ""
    listed = " ".join(map(str, keywords)) if isinstance(keywords, list) else str(keywords)
    classifiers = metadata.get("classifiers")
    topics = [str(c).rpartition("::")[2] for c in classifiers if str(c).startswith("Topic")] if isinstance(classifiers, list) else []
    words = " ".join(" ".join([listed.replace(",", " "), *topics]).split())
    return (summary[:300] if isinstance(summary, str) else "", words[:600])


def _slips(key) -> set[int]:
    text = key.replace("-", "")
    forms = {text} | ({text[:at] + text[at + 1 :] for at in range(len(text))} if 4 <= len(text) <= 48 else set())
    return {
        int.from_bytes(hashlib.blake2b(form.encode(), digest_size=8).digest(), "big", signed=True) for form in forms if form
    }


def downgrade() -> None:
    op.execute("DROP TABLE IF EXISTS project_words")
    op.drop_table("project_search")
    op.drop_table("project_near")
