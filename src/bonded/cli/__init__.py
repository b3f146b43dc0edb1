"""The commands `bonded ...`, one file per group of commands; imports are lazy, so that each starts fast.

May import everything. Invariant: data goes to standard output, messages to standard error, failure is a non-zero exit.
"""
