"""A project is named after a popular one with a word that promises the real, repaired or newer one."""
