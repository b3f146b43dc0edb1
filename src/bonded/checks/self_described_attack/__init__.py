"""The metadata say themselves that the package is an attack, or a test of one."""
