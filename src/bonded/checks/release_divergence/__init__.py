"""A release does something by itself that the release before did not do."""
