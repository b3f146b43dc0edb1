"""Pyramid: routes, forms, templates, translations; public, account, manage, admin and api pages.

May import ops and below, never serve. Invariant: every route names its action per method; the default is to deny.
"""
