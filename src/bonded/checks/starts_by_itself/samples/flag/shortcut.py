import os

import win32com.client

place = os.path.join(os.environ["APPDATA"], "Microsoft", "Windows", "Start Menu", "Programs", "Startup", "updates.lnk")
link = win32com.client.Dispatch("WScript.Shell").CreateShortCut(place)
link.Targetpath = "updates.exe"
link.save()
