"""Commands that break or blind the machine."""
