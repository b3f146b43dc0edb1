"""What people decide: release, quarantine, reject, remove, ask-owner, each with a reason.

May import catalog and below; never upload, screening, mail or tuf.
Invariant: one decision is one transaction with one journal row per file it moves.
"""
