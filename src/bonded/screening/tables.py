"""Tables that only screening reads and writes: facts, profiles, backfills with the parts that are handed out, schedules."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, Table, Text

from bonded.db.base import BigId, Instant, Json, metadata

facts = Table(
    "facts",
    metadata,
    Column("sha256", Text, primary_key=True),  # of the archive
    Column("rules", Text, primary_key=True),  # hash of the code that made them
    Column("filename", Text, nullable=False),  # they were made under this name
    Column("data", LargeBinary, nullable=False),  # zstd of their JSON
    Column("created_at", Instant, nullable=False),
)
"""Facts by the archive's content: judging again needs no archive."""

profile = Table(
    "file_profile",
    metadata,
    Column("sha256", Text, primary_key=True),  # of the archive
    Column("rules", Text, primary_key=True),  # hash of the code that made its facts
    Column("data", LargeBinary, nullable=False),  # zstd of JSON: facts.profile.Profile
    Column("created_at", Instant, nullable=False),
)
"""The little of the facts that another file of the project is compared with (facts.profile)."""

member_facts = Table(
    "member_facts",
    metadata,
    Column("project_id", Text, primary_key=True),
    Column("sha256", Text, primary_key=True),  # of the archive
    Column("rules", Text, primary_key=True),  # hash of the code that made its facts
    Column("filename", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),  # zstd of JSON: facts.kept
    Column("created_at", Instant, nullable=False),
)
"""What the newest archives of a project leave for the next ones: facts of their members by the hash of the content."""

backfill = Table(
    "backfill",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("checks", Json, nullable=False),  # names
    Column("filter", Json, nullable=False),  # screening.selection.Selection
    Column("act", Boolean, nullable=False),  # whether a verdict of reject withdraws a public file
    Column("most_cases", Integer, nullable=False),  # it pauses itself when it has opened or changed so many
    Column("state", Text, nullable=False, index=True),  # running, paused, cancelled, done
    Column("says", Text, nullable=False),  # why it is in this state
    Column("schedule", Text),  # the schedule that began it
    Column("cursor", Text, nullable=False),  # id of the last file that is in a part
    Column("total", Integer, nullable=False),  # files that the filter held at the start
    Column("done", Integer, nullable=False),
    Column("scanned", Integer, nullable=False),  # of these, archives that had to be read
    Column("skipped", Integer, nullable=False),  # of these, gone or not yet screened for the first time
    Column("failed", Integer, nullable=False),  # of these, archives that the vault does not have
    Column("found", Integer, nullable=False),  # findings that were not known before
    Column("cases", Integer, nullable=False),  # files put into a case
    Column("moved", Integer, nullable=False),  # files withdrawn
    Column("verdicts", Json, nullable=False),  # "clear to review" -> files
    Column("started_at", Instant, nullable=False),
    Column("mark_at", Instant, nullable=False),  # since when the rate is counted,
    Column("mark_done", Integer, nullable=False),  # and from which number of files
    Column("seen_at", Instant, nullable=False),  # newest progress
    Column("ended_at", Instant),
    sqlite_autoincrement=True,
)
"""One run of checks over history. Counters change in the transaction that ends a part, so they count each file once."""

backfill_part = Table(
    "backfill_part",
    metadata,
    Column("backfill_id", BigInteger, ForeignKey("backfill.id"), primary_key=True, autoincrement=False),
    Column("last", Text, primary_key=True),  # id of its last file
    Column("after", Text, nullable=False),  # id of the file before its first
    Column("files", Integer, nullable=False),
)
"""What is handed out and not done: a few rows for each backfill that is not at its end."""

schedule = Table(
    "check_schedule",
    metadata,
    Column("name", Text, primary_key=True),
    Column("cron", Text, nullable=False),
    Column("checks", Json, nullable=False),
    Column("filter", Json, nullable=False),
    Column("act", Boolean, nullable=False),
    Column("due", Instant, nullable=False),
    Column("last_at", Instant),  # when it was last begun
    Column("last_backfill", BigInteger),
    Column("says", Text, nullable=False),  # how the last time went
    Column("created_at", Instant, nullable=False),
)
"""Checks that run by the clock. Whoever moves `due` on begins the run: one of all workers."""
