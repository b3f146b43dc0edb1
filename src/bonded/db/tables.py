"""Every table of the house, imported so that `metadata` is whole: for migrations and backups, by path, not by import.

Rooms above db define their own tables; this list of module names is what makes `metadata` complete.
"""

from __future__ import annotations

import importlib

from sqlalchemy import MetaData

from bonded.db.base import metadata

MODULES = (
    "bonded.db.jobs",
    "bonded.db.workers",
    "bonded.adapters.counter_sql",
    "bonded.journal.tables",
    "bonded.accounts.tables",
    "bonded.accounts.key_proof",
    "bonded.accounts.entry_tables",
    "bonded.accounts.publisher_tables",
    "bonded.accounts.recovery_tables",
    "bonded.catalog.tables",
    "bonded.catalog.search_tables",
    "bonded.catalog.description_tables",
    "bonded.catalog.people_tables",
    "bonded.catalog.vulnerability_tables",
    "bonded.mail.tables",
    "bonded.screening.tables",
    "bonded.screening.service_tables",
    "bonded.tuf.tables",
)


def whole() -> MetaData:
    """The MetaData with every room's tables loaded."""
    for name in MODULES:
        importlib.import_module(name)
    return metadata
