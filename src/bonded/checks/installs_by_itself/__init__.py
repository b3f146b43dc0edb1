"""Packages that install others by themselves."""
