"""Code that runs whenever Python starts."""
