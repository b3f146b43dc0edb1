print("example.invalid")
