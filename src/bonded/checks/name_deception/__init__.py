"""Names that are easily taken for those of popular projects."""
