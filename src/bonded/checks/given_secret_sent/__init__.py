"""A secret that a caller passes in, sent away."""
