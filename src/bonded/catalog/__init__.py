"""Projects, releases, files, owners, findings and cases: the state of the index.

May import accounts and below. `states` is the one table of allowed moves.
Invariant: every change of state goes through one function that records it; a file name once public is never reused.
"""
