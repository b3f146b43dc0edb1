"""A known project is published by somebody else, or under weaker protection, than before."""
