"""Code of a wheel is not in the source distribution of the same release."""
