"""What programs talk to: the upload API."""
