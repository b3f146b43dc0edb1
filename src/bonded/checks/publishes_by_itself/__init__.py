"""The package publishes packages, as soon as it is imported or Python starts."""
