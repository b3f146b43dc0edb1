import os


def obey(words):
    if "switch off" in words:
        os.system("shutdown /s /t 5")
    elif "start again" in words:
        os.system("shutdown -r now")
