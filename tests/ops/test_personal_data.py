"""Personal data are found wherever they are: all tables are walked, so that one which somebody adds cannot be forgotten."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text, func, select

from bonded.accounts import people
from bonded.accounts.tables import user as user_table
from bonded.db.engine import Database
from bonded.db.tables import whole
from bonded.ops import delete_account, personal_data
from bonded.values.who import OPERATOR, Actor, ActorKind

NO_PERSON = {
    "case_id", "credential_id", "file_id", "finding_id", "id", "invitation_id", "job_id", "journal_id", "new_file_id",
    "old_file_id", "project_id", "publication_id", "release_id", "request_id", "submission_id", "subject_id", "token_id",
    "campaign_id", "backfill_id", "webhook_id", "upload_id", "report_id", "vulnerability_id",
}  # fmt: skip
"""Columns that end in `_id` and hold ids of something else."""


def test_every_column_that_may_name_a_person_is_looked_through() -> None:
    for table in whole().sorted_tables:
        known = {c.name for c in personal_data.person_columns(table)}
        suspicious = {
            c.name
            for c in table.columns
            if isinstance(c.type, Text)
            and (c.name.endswith(("_id", "_by")) or "user" in c.name)
            and c.name not in NO_PERSON
        }
        assert suspicious <= known, table.name


def test_no_secret_is_shown() -> None:
    for table in [one for one in whole().sorted_tables if personal_data.person_columns(one)]:
        shown = {c.name for c in personal_data.shown_columns(table)}
        assert not [name for name in shown if "hash" in name and name != "private_hash"], table.name
        assert not shown & {"secret", "csrf", "key", "password"}, table.name
    assert "credential" not in {c.name for c in personal_data.shown_columns(whole().tables["factor"])}


def test_after_a_deletion_no_table_but_the_records_names_the_person(db: Database, now: datetime) -> None:
    with db.write() as tx:
        people.create(tx, OPERATOR, "other", "other@example.invalid", is_admin=False, now=now)
        ann = people.create(tx, OPERATOR, "ann", "ann@example.invalid", is_admin=False, now=now)
    with db.write() as tx:
        delete_account.delete_account(tx, Actor(ActorKind.USER, ann.id, "s", "192.0.2.1", "B"), ann, now=now)
    left = set()
    with db.read() as conn:
        for table in whole().sorted_tables:
            for column in personal_data.person_columns(table):
                if conn.execute(select(func.count()).select_from(table).where(column == ann.id)).scalar_one():
                    left.add(table.name)
        texts = str(conn.execute(select(user_table)).all())
    assert left == {"user_account", "journal"}
    assert "ann@example.invalid" not in texts
    assert "other@example.invalid" in texts
