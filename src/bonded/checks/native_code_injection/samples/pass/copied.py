import ctypes
import os
import shutil
import tempfile


def load(name):
    place = os.path.join(tempfile.mkdtemp(), name)
    with open(os.path.join(os.path.dirname(__file__), "lib", name), "rb") as own, open(place, "wb") as copy:
        shutil.copyfileobj(own, copy)
    return ctypes.CDLL(place)
