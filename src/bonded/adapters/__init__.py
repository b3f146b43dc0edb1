"""Real implementations of the seams: storage, signer, queue, purger, mailer, sandbox, counter.

May import db and below. Only `wiring` picks among them (and `screening.run` its sandbox, by argument).
Invariant: each passes the contract suite of its seam in `tests/seams`.
"""
