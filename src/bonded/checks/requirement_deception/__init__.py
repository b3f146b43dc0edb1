"""The package requires a project whose name is easily taken for a popular one, or an address."""
