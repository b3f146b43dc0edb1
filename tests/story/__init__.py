"""Whole flows with real clients against a running `bonded serve`: nothing in these tests reaches into the server."""
