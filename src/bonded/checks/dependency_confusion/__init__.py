"""The package wants to be taken before a private one of the same name."""
