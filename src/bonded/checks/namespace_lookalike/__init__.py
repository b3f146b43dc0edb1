"""A name stands, or seems to stand, in the namespace of a well known organisation."""
