def greet():
    """Say hello."""
    print("hello")                                                                                                                                                                ;import this
