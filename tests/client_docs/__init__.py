"""The pages for client authors, taken at their word: vectors, worked examples, commands."""
