import base64
import functools
import pickle
import subprocess


class Settings:
    text = "cHJpbnQoMSkKcHJpbnQoMikK"
    decode = staticmethod(base64.b64decode)


def keep():
    global data
    data = Settings.decode(Settings.text)


keep()
state = pickle.loads(data)
run = functools.partial(subprocess.run, check=True)


def sign(text, program="gpg"):
    process = subprocess.Popen([program, "--import"], stdin=subprocess.PIPE)
    process.communicate(base64.b64decode(text))
    if isinstance(process, subprocess.Popen):
        return functools.reduce(lambda left, right: left + right, [len(text), 1])
    match text:
        case str(plain) if sorted([plain], key=lambda one: one.lower()):
            return plain
