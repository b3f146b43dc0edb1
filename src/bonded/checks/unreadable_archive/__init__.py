"""Archives that could not be read fully, or that parsers read differently."""
