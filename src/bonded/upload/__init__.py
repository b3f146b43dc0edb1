"""Receive, validate, vault, accept: the way of an upload until its row is committed.

May import catalog and below; never screening, review, mail or tuf.
Invariant: nothing that was answered 200 is lost, and a refused upload leaves nothing behind.
"""
