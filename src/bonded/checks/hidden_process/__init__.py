"""Programs that are started so that nobody sees them."""
