from pynput import keyboard


def on(key, action):
    with keyboard.GlobalHotKeys({key: action}) as keys:
        keys.join()
