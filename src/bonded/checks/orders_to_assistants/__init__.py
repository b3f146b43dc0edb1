"""Descriptions of tools for language models that order them about."""
