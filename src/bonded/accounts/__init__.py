"""People: accounts, passwords, sessions, API tokens, and `permits`, which says who may do what.

May import journal and below. `permits` is pure; its caller fetches the role from catalog.
Invariant: no secret is stored in clear, and every change is recorded in the journal in the same transaction.
"""
