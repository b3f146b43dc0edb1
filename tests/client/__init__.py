"""The verifying client against a real HTTP server and repositories that python-tuf signed, good and hostile."""
