"""Private data of the machine or its user that is sent away."""
