"""The index of words of the search, in each database's own way; made and kept outside of the tables that the code declares.

SQLite: two FTS5 tables over `project_search`, of words and of parts of names, kept by triggers. PostgreSQL: a generated
tsvector column with a GIN index. English stems are used on both, as most summaries are English; words of other languages
are found as they are written.
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
    # Prefixes of names are found in the order of bytes, whatever the database's own order is.
    'CREATE INDEX IF NOT EXISTS project_words_key ON project_search (key COLLATE "C")',
)


def prepare(connection: Connection) -> None:
    """Make what is missing; nothing to do is quick. Before the migration that brings `project_search` there is nothing."""
    if not inspect(connection).has_table("project_search"):
        return
    if connection.dialect.name == "postgresql":
        for statement in _POSTGRES:
            connection.execute(text(statement))
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
