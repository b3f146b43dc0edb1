"""The metadata say nothing, or still say what a template said."""
