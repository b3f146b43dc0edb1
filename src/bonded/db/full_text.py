"""The index of words of the search, in each database's own way; made and kept outside of the tables that the code declares.

SQLite: two FTS5 tables over `project_search`, of words and of parts of names, kept by triggers. PostgreSQL: a generated
tsvector column with a GIN index, one of words in names alone (the first does not say where a word stands, so that each row
would be read again), and one over parts of names (without an extension, which not every server has). English stems are used on
both, as most summaries are English; words of other languages are found as they are written.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, inspect, text

_SQLITE = (
    (
        "CREATE VIRTUAL TABLE IF NOT EXISTS project_words USING fts5(name, summary, words, content='project_search', "
        "content_rowid='id', tokenize='porter unicode61 remove_diacritics 2', prefix='2 3 4')"
    ),
    (
        "CREATE TRIGGER IF NOT EXISTS project_words_new AFTER INSERT ON project_search BEGIN INSERT INTO project_words"
        "(rowid, name, summary, words) VALUES (new.id, new.name, new.summary, new.words); END"
    ),
    (
        "CREATE TRIGGER IF NOT EXISTS project_words_gone AFTER DELETE ON project_search BEGIN INSERT INTO project_words"
        "(project_words, rowid, name, summary, words) VALUES ('delete', old.id, old.name, old.summary, old.words); END"
    ),
    (
        "CREATE TRIGGER IF NOT EXISTS project_words_changed AFTER UPDATE ON project_search BEGIN INSERT INTO project_words"
        "(project_words, rowid, name, summary, words) VALUES ('delete', old.id, old.name, old.summary, old.words); "
        "INSERT INTO project_words(rowid, name, summary, words) VALUES (new.id, new.name, new.summary, new.words); END"
    ),
)
_LETTERS = (
    (
        "CREATE VIRTUAL TABLE IF NOT EXISTS project_words_letters USING fts5(key, content='project_search', "
        "content_rowid='id', tokenize='trigram')"
    ),
    (
        "CREATE TRIGGER IF NOT EXISTS project_words_letters_new AFTER INSERT ON project_search BEGIN INSERT INTO "
        "project_words_letters(rowid, key) VALUES (new.id, new.key); END"
    ),
    (
        "CREATE TRIGGER IF NOT EXISTS project_words_letters_gone AFTER DELETE ON project_search BEGIN INSERT INTO "
        "project_words_letters(project_words_letters, rowid, key) VALUES ('delete', old.id, old.key); END"
    ),
)
"""Parts of names, three letters at a time. A key never changes, so nothing is done when a row does."""
_POSTGRES = (
    (
        "ALTER TABLE project_search ADD COLUMN IF NOT EXISTS project_words tsvector GENERATED ALWAYS AS ("
        "setweight(to_tsvector('english', name), 'A') || setweight(to_tsvector('english', summary), 'B') || "
        "setweight(to_tsvector('english', words), 'C')) STORED"
    ),
    "CREATE INDEX IF NOT EXISTS project_words_terms ON project_search USING gin (project_words)",
    "CREATE INDEX IF NOT EXISTS project_words_names ON project_search USING gin (to_tsvector('english', name))",
    # Prefixes of names are found in the order of bytes, whatever the database's own order is, and without reading rows: the
    # shortest of thousands are chosen from the index alone, which has their ids. Up to version 0027 there was one without them.
    'CREATE INDEX IF NOT EXISTS project_words_beginnings ON project_search (key COLLATE "C") INCLUDE (id)',
    "DROP INDEX IF EXISTS project_words_key",
)
_POSTGRES_LETTERS = (
    (
        # A downgrade takes the table, and the index with it, and leaves the function.
        "CREATE OR REPLACE FUNCTION project_words_letters_of(word text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS "
        "'SELECT array_agg(DISTINCT substr(word, n, 3)) FROM generate_series(1, greatest(length(word) - 2, 1)) AS n'"
    ),
    "CREATE INDEX project_words_letters ON project_search USING gin (project_words_letters_of(key))",
)
_SORTED_SOON = (
    "SELECT relname FROM pg_class WHERE relkind = 'i' AND relnamespace = current_schema()::regnamespace "
    "AND relname IN ('project_words_terms', 'project_words_names', 'project_words_letters') "
    "AND NOT coalesce(reloptions, '{}') && ARRAY['gin_pending_list_limit=128']"
)
"""What is new in an index of words waits in a list that each search reads from end to end: 4 MB of it by PostgreSQL's own
setting, which took longer than the search. With at most 128 kB, some fifty projects are sorted in at once."""


def prepare(connection: Connection) -> None:
    """Make what is missing; nothing to do is quick. Before the migration that brings `project_search` there is nothing."""
    if not inspect(connection).has_table("project_search"):
        return
    if connection.dialect.name == "postgresql":
        for statement in _POSTGRES:
            connection.execute(text(statement))
        if connection.execute(text("SELECT to_regclass('project_words_letters')")).scalar() is None:
            for statement in _POSTGRES_LETTERS:
                connection.execute(text(statement))
        for index in connection.execute(text(_SORTED_SOON)).scalars().all():
            connection.execute(text(f"ALTER INDEX {index} SET (gin_pending_list_limit = 128)"))
            connection.execute(text("SELECT gin_clean_pending_list(:index)"), {"index": index})
        return
    for table, statements in (("project_words", _SQLITE), ("project_words_letters", _LETTERS)):
        there = connection.execute(text("SELECT 1 FROM sqlite_master WHERE name = :name"), {"name": table}).first()
        for statement in statements:
            connection.execute(text(statement))
        if there is None:
            connection.execute(text(f"INSERT INTO {table}({table}) VALUES ('rebuild')"))  # noqa: S608 - our own names


def ours(name: str | None, _type: str, _parent: Any) -> bool:
    """Whether Alembic compares a thing of the database with the declared tables: everything but what is made here."""
    return name is None or not name.startswith("project_words")
