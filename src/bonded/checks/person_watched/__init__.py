"""Watching the person at the machine."""
