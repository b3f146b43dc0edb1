"""Code of an sdist that does more than build when it is installed."""
