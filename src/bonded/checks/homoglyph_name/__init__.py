"""A name looks the same as a well known one, written with other characters."""
