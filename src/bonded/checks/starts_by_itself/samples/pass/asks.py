import pathlib
import subprocess

import win32com.client

disks = win32com.client.GetObject("winmgmts:root/cimv2").ExecQuery("select * from Win32_DiskDrive")
vim = (pathlib.Path.home() / ".vimrc").read_text()
subprocess.run(["git", "config", "core.hooksPath", ".githooks"])
subprocess.run(["git", "config", "--global", "user.name"])
