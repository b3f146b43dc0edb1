"""Run checks over an archive in a sandbox, keep facts and findings, turn them into a verdict.

May import catalog and below; never upload, review, mail or tuf. `run` and `policy` reach no database.
Invariant: a check that crashed, timed out or could not read is a finding of its own, never a silent pass.
"""
