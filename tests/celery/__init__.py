"""Workers on many machines, as an operator runs them: real commands, a real Redis, processes killed."""
