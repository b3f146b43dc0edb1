"""Pages for maintainers and owners of a project. They show the states of files, never findings."""
