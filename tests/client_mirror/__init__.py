"""The mirror against the real publisher's public store over real HTTP, in good days and bad."""
