import os

about = {}
with open(os.path.join(os.path.dirname(__file__), "version.py")) as file:
    exec(file.read(), about)
