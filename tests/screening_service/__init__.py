"""Screening beside another index: submissions, webhooks, advisories, reports."""

import bonded.web  # noqa: F401 - first: it quiets the imports of WebOb, which WebTest would make loudly
