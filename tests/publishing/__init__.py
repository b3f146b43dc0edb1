"""Trusted publishing: identities of builds, publishers, and the tokens that they are exchanged for."""
