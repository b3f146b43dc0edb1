"""The documentation, and the programs that check it."""
