import os

place = os.path.expanduser("~/.config/environment.d")
with open(place + "/10-sample.conf", "w") as stream:
    stream.write("PYTHONSTARTUP=/tmp/sample.py\n")
