"""Scripts of other interpreters that fetch, hide or spread."""
