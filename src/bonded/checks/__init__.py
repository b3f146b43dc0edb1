"""The check kit and one folder per malware check.

May import facts, seams, telemetry and values only. A check is a pure function over facts and an optional Context value.
Invariant: checks see no files, no database, no network, and yield findings that name where the evidence is.
"""
