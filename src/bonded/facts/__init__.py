"""An archive in, facts out: one in-memory read under budgets (bytes, members, ratio, depth, time).

May import values, telemetry and seams only. `facts.archive` is the only reader of archives in the house.
Invariant: the same bytes give the same facts; nothing of a package is ever run; what could not be read is said in
`unread`, never dropped.
"""
