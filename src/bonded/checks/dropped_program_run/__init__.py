"""Programs that stand in the source as text, are written to a file, and run."""
