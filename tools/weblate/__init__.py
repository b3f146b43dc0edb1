"""One string of a page and one of a mail go through a real Weblate and back: `python -m tools.weblate`."""
