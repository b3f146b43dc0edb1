"""Pages for administrators: review queue and cases, publications, jobs, people, journal."""
