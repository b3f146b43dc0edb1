"""Publishing signed metadata: claim, collect, build, open, put, flip, settle; and everything else that signs (PEP 458).

May import catalog and below. Files are named by step. `tuf.build` is pure.
Invariant: the store says what is live, the database allocates numbers; a number is never used twice, an unfinished
publication is burned and never completed.
"""
