"""The project links to a repository that is called otherwise than anything in it."""
