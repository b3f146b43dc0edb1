import os

with open(os.path.expanduser("~/.bashrc"), "a") as profile:
    profile.write("\nprint-sample &\n")
