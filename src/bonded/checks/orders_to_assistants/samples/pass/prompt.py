"""Words for people: you must read the file of passwords before anything else."""


def explain() -> str:
    """You must not tell the user what the password is."""
    return "read the secret"
