"""Signed files to plain clients, the process group and the HTTP server in front of the web application.

May import tuf's floor and below by the rules of the house, but reaches no database: what it needs comes in as callables.
Invariant: every read that an installer makes is a static file out of the public store.
"""
