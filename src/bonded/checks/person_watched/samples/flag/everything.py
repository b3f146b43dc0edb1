import cv2
import pyperclip
import sounddevice
from PIL import ImageGrab
from pynput import keyboard


class Station:
    def start(self):
        self.keys = keyboard.Listener(on_press=print)
        self.picture = ImageGrab.grab()
        self.camera = cv2.VideoCapture(0)
        self.sound = sounddevice.rec(44100)
        self.copied = pyperclip.paste()
