"""Code that was decoded or downloaded is executed."""
