"""The package installs itself under an import name that belongs to another project or to Python."""
