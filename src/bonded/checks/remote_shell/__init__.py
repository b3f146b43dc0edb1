"""Commands that come from another machine or a chat."""
