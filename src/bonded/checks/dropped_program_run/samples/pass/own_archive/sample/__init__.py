import os
import zipfile


def pages(folder):
    with zipfile.ZipFile(os.path.join(os.path.dirname(__file__), "pages.zip")) as archive:
        archive.extractall(folder)
    return os.path.join(folder, "index.html")
