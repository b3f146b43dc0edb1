import os

os.system("start /b sample.exe")
