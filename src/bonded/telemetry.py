"""Logging and metrics, importable by all rooms. Structured logs carry a request id and never a secret."""
