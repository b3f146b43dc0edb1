"""Tables of publications: what the database knows of the public store. The store itself says what is live."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, text

from bonded.db.base import Instant, Json, metadata

publication = Table(
    "publication",
    metadata,
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("attempt", Text, nullable=False),
    Column("base_n", BigInteger, nullable=False),
    Column("base_attempt", Text, nullable=False),
    Column("kind", Text, nullable=False),  # publish, refresh; adopted: written without this database
    Column("content", BigInteger, nullable=False),
    Column("row_ids", Json, nullable=False),  # exact to_publish ids
    Column("journal_ids", Json, nullable=False),
    Column("projects", Json, nullable=False),  # keys whose pages it writes
    Column("expose", Json, nullable=False),  # [[target path, file id], ...] put into the public store
    Column("bins", Json, nullable=False),  # [[role, old version, sha256, length, expiry in s since 1970, count], ...]
    Column("pages", Json, nullable=False),  # names of the page objects it puts
    Column("snapshot_sha256", Text, nullable=False),
    Column("changes_sha256", Text, nullable=False),
    Column("timestamp", LargeBinary, nullable=False),
    Column("journal_size", BigInteger, nullable=False),
    Column("journal_root", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),  # open, live, burned
    Column("opened_at", Instant, nullable=False),
    Column("flipped_at", Instant),
    Column("settled_at", Instant),
    Index("ix_publication_state_n", "state", "n"),
    Index("ix_publication_flipped_at", "flipped_at"),
)

head = Table(
    "publication_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("head", BigInteger, nullable=False),  # the next number not yet allocated
)

bin_table = Table(
    "tuf_bin",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("expires", Instant, nullable=False, index=True),
    Column("count", Integer, nullable=False),
)

target = Table(
    "tuf_target",
    metadata,
    Column(
        "hash32", BigInteger, primary_key=True, autoincrement=False
    ),  # first 32 bits of sha256(path): its bin under any number of bins
    Column("path", Text, primary_key=True),
    Column("sha256", Text, nullable=False),
    Column("length", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

superseded = Table(
    "superseded",
    metadata,
    Column("name", Text, primary_key=True),  # object in the public store
    Column("at", Instant, nullable=False, index=True),  # when something newer took its place
)

journal_publication = Table(
    "journal_publication",
    metadata,
    Column("journal_id", BigInteger, primary_key=True, autoincrement=False),
    Column("n", BigInteger, nullable=False, index=True),
)
"""Since when clients could see a change."""

page = Table(
    "published_page",
    metadata,
    Column("project_key", Text, primary_key=True),
    Column("n", BigInteger, nullable=False),  # publication that last changed the page: its _last-serial
    Column("html_sha256", Text, nullable=False),
    Column("json_sha256", Text, nullable=False),
    Column("plain_n", BigInteger, nullable=False, default=0),  # publication whose page the plain copy shows
)
"""The live hash-named page of each project; `plain:<project>` jobs copy it to its plain name."""

sequence = Table(
    "tuf_sequence",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # online-key, root-keys, offline-keys, resize
    Column("steps", Json, nullable=False),  # [{"name", "after", "files": {role: text}}, ...]
    Column("at", Integer, nullable=False),  # the step that is released next; -1: none yet
    Column("mark", BigInteger, nullable=False),  # publication that was live when it came there
    Column("since", Instant, nullable=False),  # and when that was
    Column("rest", BigInteger, nullable=False),  # seconds in which clients may still use what they read
    Column("state", Text, nullable=False),  # running, done, cancelled
    Column("says", Text, nullable=False),  # what it waits for, for people
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index(
        "uq_tuf_sequence_running",
        "state",
        unique=True,
        sqlite_where=text("state = 'running'"),
        postgresql_where=text("state = 'running'"),
    ),
)
"""Signed steps that change keys or bins, and where each stands; at most one runs."""

alarm = Table(
    "alarm",
    metadata,
    Column("key", Text, primary_key=True),  # what it is about; see values/alarms.py
    Column("step", Integer, nullable=False),  # how bad it was when people were told last
    Column("raised_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),  # when it was last as bad as that
)
"""Alarms that people know of, so that each step of each is told once."""
