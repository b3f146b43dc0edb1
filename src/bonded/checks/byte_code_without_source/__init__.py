"""Compiled Python whose source is not there."""
