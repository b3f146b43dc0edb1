import os


def describe():
    for folder, _, names in os.walk(os.path.expanduser("~/Pictures")):
        for name in names:
            with open(os.path.join(folder, name) + ".txt", "w") as file:
                file.write(name)
