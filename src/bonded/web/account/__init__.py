"""Pages for oneself: log in and out, password, step-up, tokens, sessions, history."""
