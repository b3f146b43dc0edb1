"""The project is an advertisement: much text with many links, and next to no code."""
