"""Pages for everybody: home, search, projects, people, help, proofs."""
