"""Engines, transactions, the jobs table and migrations, on SQLite and PostgreSQL.

May import: adapters' floor is above; this room sees only values, telemetry and seams.
Invariant: every write happens inside `Database.write()`, which is one transaction; on SQLite it begins IMMEDIATE and
commits with synchronous=FULL, on PostgreSQL it is READ COMMITTED with row locks. `Database.read()` is one snapshot.
"""
