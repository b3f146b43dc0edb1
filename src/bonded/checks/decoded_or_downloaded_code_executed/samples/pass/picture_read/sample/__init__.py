import os
import struct


def size():
    with open(os.path.join(os.path.dirname(__file__), "logo.png"), "rb") as stream:
        head = stream.read(24)
    return struct.unpack(">II", head[16:24])


def place(text):
    return eval(text)
