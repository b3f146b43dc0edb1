"""What must see several rooms: fsck, backup, restore, dead letters, the worker's rounds.

May import upload, screening, review, mail, tuf and below.
Invariant: a command here reads much and changes nothing, or says exactly what it changes.
"""
