"""The code is that of a popular project under another name, with something added that acts by itself."""
