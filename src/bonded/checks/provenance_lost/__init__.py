"""A release comes without provenance although the one before it had some."""
