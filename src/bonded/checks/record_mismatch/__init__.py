"""RECORD of the wheel does not agree with what is in it."""
