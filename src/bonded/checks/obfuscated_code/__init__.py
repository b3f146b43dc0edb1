"""Code whose shape is made to hide what it does."""
