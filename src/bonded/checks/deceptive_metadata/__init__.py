"""The metadata are those of another project."""
