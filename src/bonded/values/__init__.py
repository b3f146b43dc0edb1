"""The words everyone in the house shares: names, digests, states, actions, findings, refusals.

Pure values and functions over them. Imports nothing of Bonded and does no I/O; every other room may import it.
Invariant: a value that exists is valid, because constructing it checks it.
"""
