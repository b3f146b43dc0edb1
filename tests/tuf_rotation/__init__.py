"""Changes of keys and of the number of bins, step by step, as clients see them."""
