import os


def clean():
    folder = os.path.expanduser("~/.cache/ourtool")
    for name in os.listdir(folder):
        os.remove(os.path.join(folder, name))


clean()
