"""Bonded: a Python package index that seals what it serves and inspects what it stores."""

__version__ = "0.1.0"
