"""Programs in an archive that should hold source."""
