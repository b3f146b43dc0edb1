"""Tests of pages."""

import bonded.web  # noqa: F401 - first: it quiets the imports of WebOb, which WebTest would make loudly
