"""Calls to addresses behind which nobody knows who reads."""
