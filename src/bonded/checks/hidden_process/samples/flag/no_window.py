import subprocess

subprocess.Popen(["sample"], creationflags=subprocess.CREATE_NO_WINDOW)
