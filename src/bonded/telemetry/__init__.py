"""Logging and metrics, importable by all rooms.

Structured logs carry a request id and never a secret (`redaction`); counters are declared in one place (`measures`) and
summed over all processes (`metrics`). May import values only.
Invariant: nothing here can fail a request: what cannot be logged or counted is dropped.
"""
