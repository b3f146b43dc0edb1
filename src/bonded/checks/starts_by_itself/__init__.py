"""Programs that make themselves start again."""
