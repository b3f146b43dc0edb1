"""Turns a journal row into recipients and text in their language, and hands it to the Mailer.

May import catalog and below; never upload, screening, review or tuf.
Invariant: runs only as a job; the same journal row never mails the same person twice.
"""
